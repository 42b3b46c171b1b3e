"""A mail server for tests, on aiosmtpd. It tells its port, then each message that it took, one JSON object a line.

Recipients say what becomes of a message: greylisted@, unknown@ and slow@ are answered 451, 550 and never.
"""

import argparse
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def tell(**what):
    print(json.dumps(what), flush=True)


class Handler:
    """What is done with recipients and messages."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        answers = {"greylisted": "451 4.7.1 Try again later, " + address, "unknown": "550 5.1.1 Unknown: " + address}
        local = address.split("@")[0]
        if local == "slow":
            await asyncio.sleep(3600)
        if local in answers:
            return answers[local]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tell(
            mail_from=envelope.mail_from,
            rcpt_tos=envelope.rcpt_tos,
            content=base64.b64encode(envelope.original_content).decode(),
            tls=server.transport.get_extra_info("sslcontext") is not None,
            user=(session.auth_data or b"").decode(),
            peer=session.peer[1],
        )
        return "250 OK"


def authenticator(expected):
    def check(server, session, envelope, mechanism, data):
        told = f"{data.login.decode()}:{data.password.decode()}"
        return AuthResult(success=told == expected, handled=False, auth_data=data.login)

    return check


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--encryption", choices=["none", "starttls", "implicit"], default="none")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login", help="NAME:PASSWORD, without which nothing is taken")
    arguments = parser.parse_args()
    context = None
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)

    def session():
        options = {"hostname": "localhost", "enable_SMTPUTF8": False}
        if arguments.encryption == "starttls":
            options.update(tls_context=context, require_starttls=True)
        if arguments.login:
            options.update(
                authenticator=authenticator(arguments.login),
                auth_required=True,
                auth_require_tls=arguments.encryption == "starttls",
            )
        return SMTP(Handler(), **options)

    outside = context if arguments.encryption == "implicit" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=outside)
    tell(port=server.sockets[0].getsockname()[1])
    # Whoever started it ends with its standard input.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
