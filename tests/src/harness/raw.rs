//! A call by its path alone, with whatever bytes.

use prost::bytes::{Buf, BufMut};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};

use super::Server;

/// The first message that comes back, or why there is none.
pub(crate) type Answer = Result<Vec<u8>, Status>;

pub(crate) async fn call(server: &Server, path: &str, token: Option<&str>, body: Vec<u8>) -> Answer {
    let mut grpc = tonic::client::Grpc::new(server.channel.clone());
    grpc.ready().await.unwrap();
    let mut request = Request::new(body);
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    // A unary answer is a stream of one message.
    let answer = grpc.server_streaming(request, PathAndQuery::try_from(path).unwrap(), Bytes).await?;
    Ok(answer.into_inner().message().await?.unwrap_or_default())
}

/// The same of a call that ends without a message.
pub(crate) async fn call_with_nothing(server: &Server, path: &str) -> Answer {
    let mut grpc = tonic::client::Grpc::new(server.channel.clone());
    grpc.ready().await.unwrap();
    let request = Request::new(futures::stream::empty());
    let answer = grpc.streaming(request, PathAndQuery::try_from(path).unwrap(), Bytes).await?;
    Ok(answer.into_inner().message().await?.unwrap_or_default())
}

#[derive(Clone, Copy)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}
