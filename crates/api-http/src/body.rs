//! The body of a request, read whole: within its time, and no larger than it may be.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

use crate::connections::AtWork;

/// The largest body, in bytes: 512 KiB. It holds every notification, and every JSON request that is right, even if each of
/// its characters is written as an escape.
pub(crate) const BODY_BYTES_MAX: usize = 512 << 10;
/// How long a whole body may take to come in, from the head of its request on: for the largest one, that is 52 KiB a second.
/// Who sends a byte now and then keeps a connection no longer.
pub(crate) const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// A body that has come in whole. Where it has not, that is a status: 413 for one that is too large, 408 for one that was
/// too slow, and 400 for one that broke off.
pub(crate) struct WholeBody(pub(crate) Bytes);

impl<S: Sync> FromRequest<S> for WholeBody {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        read(request, BODY_TIME_MAX).await.map(Self)
    }
}

async fn read(request: Request, time_max: Duration) -> Result<Bytes, StatusCode> {
    let at_work = request.extensions().get::<AtWork>().cloned();
    let read = tokio::time::timeout(time_max, Bytes::from_request(request, &())).await;
    let bytes = read.map_err(|_| StatusCode::REQUEST_TIMEOUT)?.map_err(|rejection| rejection.status())?;
    if let Some(at_work) = at_work {
        at_work.begin();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_in_is_given_up_after_its_time() {
        let byte_by_byte = |count: usize| {
            let bytes = stream::unfold(0, move |sent| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                (sent < count).then(|| (Ok::<_, std::io::Error>("x"), sent + 1))
            });
            Request::new(Body::from_stream(bytes))
        };
        let read = async |count| read(byte_by_byte(count), BODY_TIME_MAX).await.map(|bytes| bytes.len());
        assert_eq!(read(90).await, Ok(90));
        assert_eq!(read(usize::MAX).await, Err(StatusCode::REQUEST_TIMEOUT));
    }
}
