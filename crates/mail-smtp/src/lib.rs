//! Mail over SMTP (RFC 5321), handed to the submission server of whoever runs this (RFC 6409).
//!
//! It implements [`Mailer`](domain::ports::mail::Mailer). It must not know what a message is about, any use case or storage;
//! it keeps no message and logs none.

mod config;
mod mailer;
mod mime;

pub use config::{ConfigError, Encryption, SmtpConfig, SmtpCredentials};
pub use mailer::SmtpMailer;
