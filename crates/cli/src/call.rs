//! Calls by descriptor: any method of the contract, with messages that are known by their descriptors alone.

use std::error::Error;

use prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, MethodDescriptor, ReflectMessage, Value};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Status, Streaming, TimeoutExpired};

use crate::connection::{Connection, innermost};
use crate::contract;

/// The largest answer that is taken, in bytes: a document may have pictures.
const ANSWER_MAX: usize = 32 * 1024 * 1024;

#[derive(Clone)]
struct DynamicCodec {
    answer: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = Self;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

struct DynamicEncoder;

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, item: DynamicMessage, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(into).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for DynamicCodec {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let decoded = DynamicMessage::decode(self.answer.clone(), from);
        decoded.map(Some).map_err(|_| Status::internal("the server answered what is not of the contract"))
    }
}

struct Prepared {
    grpc: tonic::client::Grpc<tonic::transport::Channel>,
    path: PathAndQuery,
    codec: DynamicCodec,
}

async fn prepare(connection: &Connection, method: &MethodDescriptor) -> Result<Prepared, Status> {
    let path = PathAndQuery::try_from(contract::path(method)).map_err(|error| Status::internal(error.to_string()))?;
    let mut grpc = tonic::client::Grpc::new(connection.channel.clone()).max_decoding_message_size(ANSWER_MAX);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(Prepared { grpc, path, codec: DynamicCodec { answer: method.output() } })
}

/// Calls a method that answers once, within the connection's deadline.
///
/// # Errors
/// What the server, or the way to it, says instead.
pub(crate) async fn unary(
    connection: &Connection,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Result<DynamicMessage, Status> {
    let mut request = connection.request(message);
    request.set_timeout(connection.deadline);
    let answered = async {
        let Prepared { mut grpc, path, codec } = prepare(connection, method).await?;
        grpc.unary(request, path, codec).await.map(tonic::Response::into_inner)
    };
    match tokio::time::timeout(connection.deadline, answered).await {
        Ok(Err(status)) => Err(told_plainly(status)),
        Ok(Ok(answer)) => Ok(answer),
        Err(_) => Err(late()),
    }
}

/// Calls a method that goes on answering.
///
/// # Errors
/// What the server, or the way to it, says instead.
pub(crate) async fn stream(
    connection: &Connection,
    method: &MethodDescriptor,
    message: DynamicMessage,
) -> Result<Streaming<DynamicMessage>, Status> {
    let request = connection.request(message);
    let begun = async {
        let Prepared { mut grpc, path, codec } = prepare(connection, method).await?;
        grpc.server_streaming(request, path, codec).await.map(tonic::Response::into_inner)
    };
    tokio::time::timeout(connection.deadline, begun).await.map_err(|_| late())?.map_err(told_plainly)
}

/// The things of a page, and those beside them that come with each page.
pub(crate) fn things(answer: &DynamicMessage) -> (Vec<DynamicMessage>, Vec<DynamicMessage>) {
    let descriptor = answer.descriptor();
    let mut lists = descriptor.fields().filter(FieldDescriptor::is_list).map(|field| {
        let value = answer.get_field(&field);
        let messages = value.as_list().into_iter().flatten().filter_map(Value::as_message).cloned();
        messages.collect::<Vec<_>>()
    });
    let page = lists.next().unwrap_or_default();
    (page, lists.flatten().collect())
}

fn late() -> Status {
    Status::deadline_exceeded("there was no answer in time")
}

/// What the transport says of this side, in the words of a call: a deadline that passed here, or a connection that closed before
/// the call was sent, is told as a call that was canceled; one that broke afterwards, without its cause. What the server says
/// stays as it is.
fn told_plainly(status: Status) -> Status {
    // In tonic's words, which has no other sign for it. What is in front of a server answers so as well.
    if let Some((_, http)) = status.message().split_once("mapped from HTTP status code ") {
        let hint = if status.code() == Code::Unimplemented { "; is it another port?" } else { "" };
        return Status::new(status.code(), format!("no gRPC server answers there, but HTTP with status {http}{hint}"));
    }
    let Some(cause) = status.source() else { return status };
    match status.code() {
        Code::Cancelled if status.message() == TimeoutExpired(()).to_string() => late(),
        Code::Cancelled => {
            Status::unavailable(format!("the connection was closed before the call was sent{WRONG_PORT}"))
        }
        // What came is no HTTP/2, as where TLS is spoken.
        Code::Unknown | Code::Internal => {
            Status::unknown(format!("the connection broke: {}{WRONG_PORT}", innermost(cause)))
        }
        _ => status,
    }
}

/// What is said of a connection that breaks: those to a server's other ports do so at once.
const WRONG_PORT: &str = "; where that happens each time, is it the server's port for gRPC, with TLS where it has any?";
