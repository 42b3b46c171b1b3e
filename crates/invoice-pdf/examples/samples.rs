//! Writes samples of every document into a directory, to be looked at: `cargo run -p invoice-pdf --example samples DIR`.

#[path = "../tests/render/samples.rs"]
mod samples;

use std::path::PathBuf;

use domain::document::Language;
use domain::ports::documents::InvoiceRenderer;
use invoice_pdf::PdfRenderer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/samples"), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    let mut documents = vec![
        ("long".to_owned(), samples::long(1_000)),
        ("extreme".to_owned(), samples::extreme(Language::English)),
        ("bare".to_owned(), samples::bare("JPY")),
    ];
    for language in Language::ALL {
        let code = language.code();
        documents.push((format!("invoice-{code}"), samples::common(language)));
        documents.push((format!("noted-{code}"), samples::noted(language)));
        documents.push((format!("discounted-{code}"), samples::discounted_and_credited(language)));
        documents.push((format!("receipt-{code}"), samples::receipt(language)));
        documents.push((format!("credit-note-{code}"), samples::credit_note(language)));
    }
    for (name, document) in documents {
        std::fs::write(directory.join(format!("{name}.pdf")), PdfRenderer.render(&document)?.bytes)?;
    }
    Ok(())
}
