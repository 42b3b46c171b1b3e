//! How messages become bytes and bytes messages: as prost does it, in buffers that begin small. Every open stream holds one,
//! also while it has nothing to tell, and tonic's own begin with 8 KiB: more than half of what an idle stream took.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer begins with, in bytes. Most messages fit; it grows for those that do not.
const BUFFER_BYTES: usize = 1024;
/// Beyond how many bytes messages that are ready are sent, before more of them are added; tonic's default.
const YIELD_BYTES: usize = 32 * 1024;

/// The codec of all our services.
#[derive(Debug)]
pub(crate) struct ProtoCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ProtoCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ProtoCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProtoDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProtoDecoder(ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES)))
    }
}

/// Reads messages as prost does. What can't be read is `DATA_LOSS`, which nothing else is: a server can tell a caller's message
/// from a defect of its own by it, and a client an answer that was garbled.
#[derive(Debug)]
pub(crate) struct ProtoDecoder<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for ProtoDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        self.0.decode(buffer).map_err(|unreadable| Status::data_loss(unreadable.message()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}
