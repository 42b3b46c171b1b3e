//! Invoices and receipts by mail, with a mail server of its own process.

use std::process::Stdio;

use api_proto::v1;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tonic::Code;

use crate::documents::SELLER;
use crate::harness::{
    Db, PATIENCE, Server, error_parts, eventually, invoice_request, line, needs, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    an_invoice_is_sent_once_and_told,
    a_receipt_is_sent_in_the_language_asked_for,
    a_refused_recipient_fails_the_mail_and_is_told,
    what_can_not_be_sent_is_refused,
    a_seller_has_a_sender_of_its_own_and_says_how_to_transfer,
);

/// A mail server that ends with its handle.
pub(crate) struct MailServer {
    _child: Child,
    told: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl MailServer {
    /// Starts it with these arguments; nothing where a test can't have it.
    pub(crate) async fn start(arguments: &[&str]) -> Option<Self> {
        let python = needs("PAYLINKS_TEST_MAIL_PYTHON")?;
        let mut command = Command::new(python);
        command
            .arg("-B")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/mail-smtp/tests/server.py"))
            .args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, told.next_line()).await.unwrap().unwrap().expect("it starts");
        let port = serde_json::from_str::<Value>(&first).unwrap()["port"].as_u64().unwrap().try_into().unwrap();
        Some(Self { _child: child, told, port })
    }

    async fn taken(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.told.next_line()).await.unwrap().unwrap().expect("it runs");
        serde_json::from_str(&line).unwrap()
    }

    /// The part of the configuration that names it.
    pub(crate) fn config(&self) -> String {
        let port = self.port;
        format!("[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"billing@seller.example\"\n")
    }
}

/// What the message says, as Python's own reader has it.
async fn read(taken: &Value) -> Value {
    const READER: &str = "import base64, email, email.policy, json, sys\n\
        m = email.message_from_bytes(base64.b64decode(sys.argv[1]), policy=email.policy.default)\n\
        print(json.dumps({'subject': m['subject'], 'from': str(m['from']), 'id': m['message-id'],\n\
        'reply_to': str(m['reply-to']), 'text': m.get_body(['plain']).get_content()}))";
    let mut command = Command::new(std::env::var("PAYLINKS_TEST_MAIL_PYTHON").unwrap());
    let output = command.args(["-c", READER, taken["content"].as_str().unwrap()]).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn send(server: &Server, request: v1::SendInvoiceRequest) -> v1::InvoiceMail {
    server.invoices().send_invoice(request).await.unwrap().into_inner().mail.unwrap()
}

fn to(invoice: &v1::Invoice, to: &str) -> v1::SendInvoiceRequest {
    v1::SendInvoiceRequest {
        request_id: unique("mail"),
        invoice_id: invoice.id.clone(),
        to: to.to_owned(),
        ..v1::SendInvoiceRequest::default()
    }
}

async fn mail(server: &Server, id: &str) -> v1::InvoiceMail {
    let request = v1::GetInvoiceMailRequest { id: id.to_owned() };
    server.invoices().get_invoice_mail(request).await.unwrap().into_inner().mail.unwrap()
}

/// The mail once it is not queued any more.
async fn settled(server: &Server, id: &str) -> v1::InvoiceMail {
    eventually(async || Some(mail(server, id).await).filter(|mail| mail.state() != v1::InvoiceMailState::Queued)).await
}

/// The kinds of event that tell of a mail.
async fn events(server: &Server, mail: &v1::InvoiceMail) -> Vec<String> {
    let events = server.events_of(&mail.id).await;
    assert_eq!(events[0].subject, Some(v1::event::Subject::InvoiceMail(mail.clone())));
    events.into_iter().map(|event| event.r#type).collect()
}

async fn an_invoice_is_sent_once_and_told(db: Db) {
    let Some(mut post) = MailServer::start(&[]).await else { return };
    let server = Server::start_with(db, &post.config()).await;
    let profile = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Ada Åkesson".to_owned(),
        email: "ada@buyer.example".to_owned(),
        locale: "sv-SE".to_owned(),
        ..v1::CreateCustomerRequest::default()
    };
    let customer = server.customers().create_customer(profile).await.unwrap().into_inner().customer.unwrap();
    let request = v1::CreateInvoiceRequest {
        customer_id: customer.id,
        lines: vec![line(128_700)],
        finalize: true,
        ..invoice_request()
    };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    let link = server.invoice_link(&invoice.id).await.unwrap();
    // Nothing said but the invoice: the customer's address and language.
    let request = to(&invoice, "");
    let queued = send(&server, request.clone()).await;
    assert_eq!((queued.to.as_str(), queued.language_code.as_str()), ("ada@buyer.example", "sv"));
    assert_eq!(send(&server, request.clone()).await, queued);
    let taken = post.taken().await;
    assert_eq!(
        (&taken["mail_from"], &taken["rcpt_tos"][0]),
        (&"billing@seller.example".into(), &"ada@buyer.example".into())
    );
    let message = read(&taken).await;
    assert_eq!(message["subject"], format!("Faktura {} från Demo Seller AB", invoice.number));
    assert_eq!(message["from"], "Demo Seller AB <billing@seller.example>");
    assert_eq!(message["id"], format!("<{}@seller.example>", queued.id));
    let text = message["text"].as_str().unwrap();
    let due = invoice.due_date.unwrap();
    let due = format!("Förfallodatum: {:04}-{:02}-{:02}", due.year, due.month, due.day);
    for said in ["Hej Ada Åkesson,", &invoice.number, "Att betala: 1\u{a0}608,75\u{a0}SEK", &due, &link.url] {
        assert!(text.contains(said), "{said} in {text}");
    }
    let sent = settled(&server, &queued.id).await;
    assert_eq!((sent.state(), sent.attempts), (v1::InvoiceMailState::Sent, 1));
    assert_eq!(events(&server, &sent).await, ["invoice.sent"]);
    // The same request is answered as before and sends nothing; another one sends again.
    assert_eq!(send(&server, request).await, queued);
    let again = send(&server, to(&invoice, "bo@buyer.example")).await;
    assert_eq!(post.taken().await["rcpt_tos"][0], "bo@buyer.example");
    let again = settled(&server, &again.id).await;
    let list = v1::ListInvoiceMailsRequest { invoice_id: invoice.id, ..v1::ListInvoiceMailsRequest::default() };
    let listed = server.invoices().list_invoice_mails(list).await.unwrap().into_inner().mails;
    assert_eq!(listed, [again, sent]);
}

async fn a_seller_has_a_sender_of_its_own_and_says_how_to_transfer(db: Db) {
    let Some(mut post) = MailServer::start(&[]).await else { return };
    let own = "mail_from = \"invoices@own.example\"\nmail_reply_to = \"help@own.example\"\n";
    let server = Server::start_with(db, &format!("{}{SELLER}{own}", post.config())).await;
    let request = v1::CreateInvoiceRequest { lines: vec![line(100)], finalize: true, ..invoice_request() };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    let queued = send(&server, to(&invoice, "ada@buyer.example")).await;
    let taken = post.taken().await;
    assert_eq!(taken["mail_from"], "invoices@own.example");
    let message = read(&taken).await;
    assert_eq!(message["from"], "Nordljus Drift AB <invoices@own.example>");
    assert_eq!(
        (&message["reply_to"], &message["id"]),
        (&"help@own.example".into(), &format!("<{}@own.example>", queued.id).into(),)
    );
    let text = message["text"].as_str().unwrap();
    for said in ["IBAN: SE45 5000 0000 0583 9825 7466", "Bankgiro: 160-9908", &format!("Ref {}", invoice.number)] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
}

async fn a_receipt_is_sent_in_the_language_asked_for(db: Db) {
    let Some(mut post) = MailServer::start(&[]).await else { return };
    let server = Server::start_with(db, &post.config()).await;
    let invoice = server.open_invoice(10_000).await;
    let receipt = |request_id: String| v1::SendInvoiceRequest {
        request_id,
        kind: v1::InvoiceMailKind::Receipt as i32,
        language_code: "de-AT".to_owned(),
        ..to(&invoice, "ada@buyer.example")
    };
    let refused = server.invoices().send_invoice(receipt(unique("mail"))).await.unwrap_err();
    assert_eq!(error_parts(&refused), (Code::FailedPrecondition, "INVOICE_STATE".to_owned(), vec![]));
    let payment = v1::RecordInvoicePaymentRequest {
        request_id: unique("cash"),
        invoice_id: invoice.id.clone(),
        amount: Some(sek_amount(12_500)),
        method: v1::OutOfBandMethod::Cash as i32,
        receive_date: Some(v1::Date { year: 2026, month: 1, day: 2 }),
        ..v1::RecordInvoicePaymentRequest::default()
    };
    server.invoices().record_invoice_payment(payment).await.unwrap();
    send(&server, receipt(unique("mail"))).await;
    let message = read(&post.taken().await).await;
    assert_eq!(message["subject"], format!("Zahlungsbeleg zur Rechnung {} von Demo Seller AB", invoice.number));
    assert!(message["text"].as_str().unwrap().contains("Gezahlter Betrag: 125,00\u{a0}SEK"), "{message}");
}

async fn a_refused_recipient_fails_the_mail_and_is_told(db: Db) {
    let Some(post) = MailServer::start(&[]).await else { return };
    let server = Server::start_with(db, &post.config()).await;
    let invoice = server.open_invoice(10_000).await;
    let queued = send(&server, to(&invoice, "unknown@buyer.example")).await;
    let failed = settled(&server, &queued.id).await;
    assert_eq!((failed.state(), failed.failure()), (v1::InvoiceMailState::Failed, v1::InvoiceMailFailure::Rejected));
    assert_eq!(failed.failure_reason, "550 5.1.1");
    assert_eq!(events(&server, &failed).await, ["invoice.send_failed"]);
}

async fn what_can_not_be_sent_is_refused(db: Db) {
    let off = Server::start(db).await;
    let invoice = off.open_invoice(10_000).await;
    let refused = off.invoices().send_invoice(to(&invoice, "ada@buyer.example")).await.unwrap_err();
    assert_eq!(error_parts(&refused), (Code::FailedPrecondition, "MAIL_DISABLED".to_owned(), vec![]));
    drop(off);
    // Nothing listens there, and nothing has to.
    let config = "[mail]\nhost = \"127.0.0.1\"\nport = 1\ntls = \"none\"\nfrom = \"billing@seller.example\"\n";
    let server = Server::start_with(db, config).await;
    let invoice = server.open_invoice(10_000).await;
    let nobody = server.invoices().send_invoice(to(&invoice, "")).await.unwrap_err();
    assert_eq!(error_parts(&nobody).2, ["to"]);
    let bad = v1::SendInvoiceRequest { language_code: "xx".to_owned(), ..to(&invoice, "a b@buyer.example") };
    assert_eq!(error_parts(&server.invoices().send_invoice(bad).await.unwrap_err()).2, ["language_code", "to"]);
    let draft = v1::CreateInvoiceRequest { lines: vec![line(100)], ..invoice_request() };
    let draft = server.invoices().create_invoice(draft).await.unwrap().into_inner().invoice.unwrap();
    let refused = server.invoices().send_invoice(to(&draft, "ada@buyer.example")).await.unwrap_err();
    assert_eq!(error_parts(&refused), (Code::FailedPrecondition, "INVOICE_STATE".to_owned(), vec![]));
    // Put off, not failed: the next try is 15 seconds later.
    let queued = send(&server, to(&invoice, "ada@buyer.example")).await;
    let tried = eventually(async || Some(mail(&server, &queued.id).await).filter(|mail| mail.attempts > 0)).await;
    assert_eq!((tried.state(), tried.failure_reason.as_str()), (v1::InvoiceMailState::Queued, "connection"));
    let waits = tried.next_attempt_time.unwrap().seconds - tried.update_time.unwrap().seconds;
    assert_eq!(waits, 15);
}
