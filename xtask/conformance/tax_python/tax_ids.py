"""Holds our check of tax ids to python-stdnum's, over many made-up ids of each form.

    python -B tax_ids.py target/debug/examples/check_tax_ids

The ids are random but the same in each run. Each has its check digits in every value that they can have, so that right
and wrong ones come up alike. Where both judge differently, the reason must stand in `EXPLAINED`. The exit code is 1 if one
does not, if a reason explains nothing any more, or if a form has no right id.
"""

import importlib
import itertools
import random
import re
import subprocess
import sys

SEED = 20240117
BODIES = 250

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
# What a character of a form stands for: a random one, or (in CHECKED) every one in turn.
RANDOM = {"#": DIGITS, "@": LETTERS, "*": DIGITS + LETTERS}
CHECKED = {"?": DIGITS, "!": LETTERS}

# Prefix, the module that judges there, and forms. Dates of birth come up rarely at random, so some forms begin with one.
FORMS = [
    ("AT", "at.uid", ["U#######?"]),
    ("BE", "be.vat", ["0#######??", "1#######??", "########?"]),
    ("BG", "bg.vat", ["########?", "#########?", "##0###0##?", "##421####?", "##321####?"]),
    ("CY", "cy.vat", ["########!", "12######!"]),
    ("CZ", "cz.dic", ["#######?", "6#######?", "########?", "480#0##??", "48511##??", "7#########", "8#0#1####?",
                      "9#51#####?", "0#2#1####?", "0#7#1####?", "##9#1####?", "##4#1####?"]),
    ("DE", "de.vat", ["########?"]),
    ("DK", "dk.cvr", ["#######?"]),
    ("EE", "ee.kmkr", ["########?"]),
    ("EL", "gr.vat", ["########?", "#######?"]),
    ("ES", "es.nif", ["########!", "X#######!", "Y#######!", "Z#######!", "K#######!", "L#######!", "M#######!",
                      "@#######!", "@#######?"]),
    ("FI", "fi.alv", ["#######?"]),
    ("FR", "fr.tva", ["??########?", "?!########?", "!?########?", "!!########?", "??000######"]),
    ("HR", "hr.oib", ["##########?"]),
    ("HU", "hu.anum", ["#######?"]),
    ("IE", "ie.vat", ["#######!", "#######!@", "#@#####!"]),
    ("IT", "it.iva", ["#######0##?", "#######12#?", "#######888?", "#######999?", "0000000100?"]),
    ("LT", "lt.pvm", ["#######1?", "########?", "##########1?", "###########?"]),
    ("LU", "lu.tva", ["######??"]),
    ("LV", "lv.pvn", ["4#########?", "9#########?", "0#0##2####?", "1#1###1###?", "32########?", "3#########?"]),
    ("MT", "mt.vat", ["######??"]),
    ("NL", "nl.btw", ["#########B??", "########?B01"]),
    ("PL", "pl.nip", ["#########?"]),
    ("PT", "pt.nif", ["########?"]),
    ("RO", "ro.cf", ["#?", "##?", "###?", "####?", "#####?", "######?", "#######?", "########?", "#########?"]),
    ("SE", "se.vat", ["#########?01", "#########?02"]),
    ("SI", "si.ddv", ["#######?"]),
    ("SK", "sk.dph", ["#########?", "##0#1#####", "##5#1#####"]),
    ("GB", "gb.vat", ["#######??", "0######??", "#######??###", "GD###", "HA###"]),
    ("XI", "gb.vat", ["#######??"]),
    ("CH", "ch.vat", ["E########?MWST", "E########?TVA", "E########?IVA", "E########?TPV"]),
    ("CH", "ch.uid", ["E########?"]),
    ("NO", "no.mva", ["########?MVA"]),
    ("IS", "is_.vsk", ["#####", "######"]),
    ("TR", "tr.vkn", ["#########?"]),
    ("TR", "tr.tckimlik", ["#########??"]),
    ("AU", "au.abn", ["??#########"]),
    ("NZ", "nz.ird", ["#######?", "0#######?", "1#######?", "2#######?"]),
    ("CA", "ca.bn", ["########?", "########?RT####"]),
    ("JP", "jp.cn", ["?############"]),
    ("IN", "in_.gstin", ["27@@@P@####@1Z?", "09@@@C@####@2Z!"]),
    ("BR", "br.cnpj", ["############??", "*******#0001??"]),
    ("BR", "br.cpf", ["#########??", "11111111111"]),
]
# Modules that do not know the prefix themselves.
WITHOUT_PREFIX = {"tr.vkn", "tr.tckimlik", "au.abn", "ca.bn", "jp.cn", "in_.gstin", "br.cnpj", "br.cpf"}



def british_sum(id):
    """The sum of a British number modulo 97, check digits included; nothing for other ids."""
    if not re.fullmatch(r"(GB|XI)[1-9]\d{8}(\d{3})?", id):
        return None
    return (sum(int(digit) * weight for digit, weight in zip(id[2:9], range(8, 1, -1))) + int(id[9:11])) % 97


def holds(pattern, id):
    return pattern(id) if callable(pattern) else re.fullmatch(pattern, id)


# Where we are stricter: what it holds for, and why.
EXPLAINED = [
    (r"BE\d{9}", "nine digits are the form of before 2005, and VIES knows ten alone"),
    (r"BE\d{8}(00|98|99)", "97 less a remainder is from 01 to 97"),
    (r"CZ\d\d(4[1-9]|9[1-9])\d{5,6}", "to the month are added 20, 50 or both, never 40 or 90"),
    (r"CZ\d\d(2\d|3[0-2]|7\d|8[0-2])\d{5}", "20 is added to the month since 2004 alone, when numbers had ten digits"),
    (r"EL\d{8}", "eight digits are the form of before 1999, and VIES knows nine alone"),
    (r"(GB|XI)\d{7}9[89]\d*", "97 less a remainder is never 98 or 99"),
    (lambda id: british_sum(id) == 55, "HMRC's second check adds 55 to the sum; stdnum also lets it be taken away"),
    (r"(GB|XI)GD000", "departments are counted from 001"),
    (r"BR(\d)\1{10}", "Receita Federal issues no number of the same digit eleven times, though it passes"),
    (r"MT\d{6}(00|3[89]|[4-9]\d)", "37 less a remainder is from 01 to 37"),
    (r"SK\d{10}", "a number of birth is no VAT id by VIES's description, and stdnum itself is unsure"),
]
# Where we are more lenient.
ALLOWED = [
    (r"LV3[2-9]\d{9}", "personal codes from 32 to 39 are random by the office that gives them; stdnum checks 32, knows no other"),
    (r"NZ1[5-9]\d{7}", "Inland Revenue's present specification goes up to 200,000,000; stdnum has the one before"),
]


def candidates(random_source):
    """Every id with its prefix and its module."""
    for prefix, module, forms in FORMS:
        for form in forms:
            for _ in range(BODIES):
                body = "".join(random_source.choice(RANDOM[c]) if c in RANDOM else c for c in form)
                choices = [CHECKED.get(c, c) for c in body]
                combinations = list(itertools.product(*choices))
                # Two letters have 676 values: some of them do.
                for values in random_source.sample(combinations, min(len(combinations), 100)):
                    yield prefix, module, form, prefix + "".join(values)


def main():
    asked = list(dict.fromkeys(candidates(random.Random(SEED))))
    lines = "".join(f"{id}\n" for *_, id in asked)
    told = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    modules = {module: importlib.import_module(f"stdnum.{module}") for _, module, *_ in asked}
    right, wrong, used, unexplained = {}, 0, {}, []
    for (prefix, module, form, id), verdict in zip(asked, told, strict=True):
        ours = verdict.startswith(("eu ", "xi ", "other "))
        theirs = modules[module].is_valid(id[2:] if module in WITHOUT_PREFIX else id)
        right[prefix] = right.get(prefix, 0) + (ours and theirs)
        wrong += not ours and not theirs
        if ours == theirs:
            continue
        reasons = ALLOWED if ours else EXPLAINED
        reason = next((reason for pattern, reason in reasons if holds(pattern, id)), None)
        if reason is None:
            unexplained.append(f"{id} is {'right' if theirs else 'wrong'} for stdnum and {verdict} for us")
        else:
            used[reason] = used.get(reason, 0) + 1
    for reason, count in used.items():
        print(f"explained {count:6} {reason}")
    failures = unexplained[:40]
    failures += [f"explains nothing: {reason}" for _, reason in EXPLAINED + ALLOWED if reason not in used]
    failures += [f"no id of {prefix} is right" for prefix, count in right.items() if count == 0]
    for failure in failures:
        print(f"FAIL {failure}")
    print(f"{sum(right.values())} right and {wrong} wrong for both, {len(unexplained)} unexplained")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
