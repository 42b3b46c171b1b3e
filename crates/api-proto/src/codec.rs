//! How messages become bytes: as prost writes them, into buffers that begin small. Every open stream holds one, also while it
//! has nothing to tell, and tonic's own begin with 8 KiB: more than half of what an idle stream took.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
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
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, YIELD_BYTES))
    }
}
