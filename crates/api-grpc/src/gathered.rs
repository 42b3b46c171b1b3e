//! What many calls of a connection are told at the same moment goes out together.
//!
//! The task of a connection runs as soon as one call has something to send, before the others that are about to: of an event to
//! a thousand streams it told the kernel three or four messages at a time, which took a third of the processor's time. Here it is
//! put off until what was ready to run before it has run. Where nothing came together so, what follows is sent at once, since to
//! come back costs a caller who is alone more than it saves: the longer nothing does, the less often it is tried.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// How much is gathered at the most, in bytes, before it goes out.
const GATHERED_MAX: usize = 64 << 10;
/// How much room is kept for what is gathered next, in bytes.
const ROOM_KEPT: usize = 4 << 10;
/// How much is not copied where nothing waits before it, in bytes.
const LARGE: usize = 8 << 10;
/// How many flushes send at once, at the most, before it is tried again whether others come together.
const SENT_AT_ONCE_MAX: u32 = 31;

/// A connection whose task reads before it writes and flushes, each time that it runs, as that of HTTP/2 does once it is agreed
/// on. Where it takes up new calls in the same run it does so again for each: then what was put off is sent at once.
pub(crate) struct Gathered<T> {
    connection: T,
    gathered: Vec<u8>,
    /// How much of that is out.
    sent: usize,
    flush: Flush,
    alone: Alone,
}

/// What a flush does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// It sends, until something was read: whoever calls may wait for the first of ours.
    Sends,
    /// It may have the task come back.
    MayPutOff,
    /// It has done so; so much was gathered when the task ended.
    IsPutOff(usize),
    /// The task is back; so much was gathered before.
    IsDue(usize),
}

/// How often nothing came together.
#[derive(Debug, Default)]
struct Alone {
    /// How many flushes send at once from here on.
    at_once: u32,
    /// How many did so the last time.
    before: u32,
}

impl Alone {
    fn sends_at_once(&mut self) -> bool {
        let sends_at_once = self.at_once > 0;
        self.at_once = self.at_once.saturating_sub(1);
        sends_at_once
    }

    fn note(&mut self, is_alone: bool) {
        self.before = if is_alone { (2 * self.before + 1).min(SENT_AT_ONCE_MAX) } else { 0 };
        self.at_once = self.before;
    }
}

impl<T> Gathered<T> {
    pub(crate) fn new(connection: T) -> Self {
        Self { connection, gathered: Vec::new(), sent: 0, flush: Flush::Sends, alone: Alone::default() }
    }
}

impl<T: AsyncWrite + Unpin> Gathered<T> {
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.gathered.len() {
            let rest = self.gathered.get(self.sent..).unwrap_or_default();
            match ready!(Pin::new(&mut self.connection).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.sent += more,
            }
        }
        self.sent = 0;
        self.gathered.clear();
        self.gathered.shrink_to(ROOM_KEPT);
        Poll::Ready(Ok(()))
    }

    /// Takes as much of what is written as there is room for, once there is any.
    fn poll_gather(&mut self, context: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_MAX {
            ready!(self.poll_send(context))?;
        }
        if self.gathered.is_empty() && parts.iter().map(|part| part.len()).sum::<usize>() >= LARGE {
            return Pin::new(&mut self.connection).poll_write_vectored(context, parts);
        }
        let before = self.gathered.len();
        for part in parts {
            let room = GATHERED_MAX - self.gathered.len();
            self.gathered.extend_from_slice(part.get(..room).unwrap_or(part));
        }
        Poll::Ready(Ok(self.gathered.len() - before))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.connection).poll_read(context, buffer);
        self.flush = match self.flush {
            Flush::Sends if buffer.filled().len() > before => Flush::MayPutOff,
            Flush::IsPutOff(gathered) => Flush::IsDue(gathered),
            as_before => as_before,
        };
        if matches!(read, Poll::Ready(Err(_))) {
            // Nobody flushes any more. What can't be sent is lost with the connection.
            let _ = self.poll_send(context);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Gathered<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_gather(context, &[IoSlice::new(bytes)])
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_gather(context, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.gathered.is_empty() {
            match this.flush {
                Flush::MayPutOff if !this.alone.sends_at_once() => {
                    this.flush = Flush::IsPutOff(this.gathered.len());
                    // Whoever wakes the task that it runs in has it run after all that waits to.
                    context.waker().wake_by_ref();
                    return Poll::Ready(Ok(()));
                }
                // The same turn goes on.
                Flush::IsPutOff(_) => {
                    this.flush = Flush::IsPutOff(this.gathered.len());
                    return Poll::Ready(Ok(()));
                }
                Flush::IsDue(gathered) => {
                    let is_alone = this.gathered.len() == gathered;
                    ready!(this.poll_send(context))?;
                    this.alone.note(is_alone);
                }
                Flush::Sends | Flush::MayPutOff => ready!(this.poll_send(context))?,
            }
        }
        if this.flush != Flush::Sends {
            this.flush = Flush::MayPutOff;
        }
        Pin::new(&mut this.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

impl<T: Connected> Connected for Gathered<T> {
    type ConnectInfo = T::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.connection.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// One turn of a connection's task: it reads, writes these and flushes after each.
    async fn turn(ours: &mut Gathered<DuplexStream>, frames: &[&[u8]]) {
        // Or the runtime would let no more be written one day.
        tokio::task::yield_now().await;
        poll_fn(|context| {
            let mut room = [0; 64];
            let _ = Pin::new(&mut *ours).poll_read(context, &mut ReadBuf::new(&mut room));
            for frame in frames {
                assert!(Pin::new(&mut *ours).poll_write(context, frame).is_ready());
                assert!(Pin::new(&mut *ours).poll_flush(context).is_ready());
            }
            let _ = Pin::new(&mut *ours).poll_flush(context);
            Poll::Ready(())
        })
        .await;
    }

    /// What has come by now.
    async fn come(theirs: &mut DuplexStream) -> Vec<u8> {
        let mut come = vec![0; 1 << 20];
        let read = poll_fn(|context| {
            let mut buffer = ReadBuf::new(&mut come);
            let _ = Pin::new(&mut *theirs).poll_read(context, &mut buffer);
            Poll::Ready(buffer.filled().len())
        });
        let read = read.await;
        come.truncate(read);
        come
    }

    #[tokio::test]
    async fn what_is_told_in_one_turn_and_before_the_next_goes_out_with_the_next() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut ours = Gathered::new(ours);
        // Who calls may say nothing before it has heard from us.
        turn(&mut ours, &[b"we ", b"begin "]).await;
        assert_eq!(come(&mut theirs).await, b"we begin ");
        theirs.write_all(b"hello").await.unwrap();
        turn(&mut ours, &[b"one ", b"two "]).await;
        assert_eq!(come(&mut theirs).await, b"");
        turn(&mut ours, &[b"three "]).await;
        assert_eq!(come(&mut theirs).await, b"one two three ");
        turn(&mut ours, &[]).await;
        turn(&mut ours, &[b"fo", b"ur"]).await;
        assert_eq!(come(&mut theirs).await, b"", "each is put off anew");
        ours.shutdown().await.unwrap();
        assert_eq!(come(&mut theirs).await, b"four", "nothing is lost at the end");
    }

    #[tokio::test]
    async fn one_who_is_alone_waits_the_less_often_the_longer_it_is() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut ours = Gathered::new(ours);
        theirs.write_all(b"hello").await.unwrap();
        let mut waits = String::new();
        for _ in 0..100 {
            turn(&mut ours, &[b"answer"]).await;
            let is_sent = !come(&mut theirs).await.is_empty();
            waits.push(if is_sent { '.' } else { 'w' });
            // The task comes back, and nothing came meanwhile.
            turn(&mut ours, &[]).await;
            assert_eq!(come(&mut theirs).await.is_empty(), is_sent);
        }
        let expected = [0, 1, 3, 7, 15, 31, 31, 31].map(|sent| ".".repeat(sent)).join("w");
        assert_eq!(waits, expected[..100]);
        // Where something comes with each turn, each second one sends, once that is found out.
        for _ in 0..2 * SENT_AT_ONCE_MAX {
            turn(&mut ours, &[b"answer"]).await;
        }
        come(&mut theirs).await;
        let mut sent = 0;
        for _ in 0..10 {
            turn(&mut ours, &[b"answer"]).await;
            sent += usize::from(!come(&mut theirs).await.is_empty());
        }
        assert_eq!(sent, 5);
    }

    #[tokio::test]
    async fn a_task_that_puts_off_comes_back_by_itself() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut ours = Gathered::new(ours);
        theirs.write_all(b"hello").await.unwrap();
        let mut is_written = false;
        // As a connection is driven: it waits for what is read, and all else is done on the way.
        tokio::spawn(poll_fn(move |context| {
            let mut room = [0; 64];
            let mut buffer = ReadBuf::new(&mut room);
            while Pin::new(&mut ours).poll_read(context, &mut buffer).is_ready() && !buffer.filled().is_empty() {
                buffer.clear();
            }
            if !std::mem::replace(&mut is_written, true) {
                assert!(Pin::new(&mut ours).poll_write(context, b"answer").is_ready());
            }
            let _ = Pin::new(&mut ours).poll_flush(context);
            Poll::<()>::Pending
        }));
        let mut answer = [0; 6];
        tokio::time::timeout(Duration::from_secs(5), theirs.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"answer");
    }

    #[tokio::test]
    async fn one_who_does_not_read_is_told_no_more_than_there_is_room_for() {
        let (ours, mut theirs) = duplex(1_000);
        let mut ours = Gathered::new(ours);
        let mut taken = 0;
        // As long as it is taken without waiting; the large ones go out as they are.
        for frame in [1_000, 100 << 10, 100 << 10].map(|bytes| vec![7; bytes]).iter().cycle() {
            let written = tokio::time::timeout(Duration::from_millis(1), ours.write(frame)).await;
            let Ok(written) = written else { break };
            taken += written.unwrap();
            assert!(taken <= GATHERED_MAX + 1_000, "it would fill up");
        }
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).await.unwrap();
            all.len()
        });
        ours.shutdown().await.unwrap();
        drop(ours);
        assert_eq!(reader.await.unwrap(), taken);
    }

    #[tokio::test]
    async fn what_is_put_off_is_sent_where_nothing_more_can_be_read() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut ours = Gathered::new(Broken { connection: ours, is_broken: false });
        theirs.write_all(b"hello").await.unwrap();
        let mut read = [0; 5];
        ours.read_exact(&mut read).await.unwrap();
        ours.write_all(b"answer").await.unwrap();
        ours.flush().await.unwrap();
        assert_eq!(come(&mut theirs).await, b"");
        ours.connection.is_broken = true;
        assert!(ours.read(&mut read).await.is_err());
        assert_eq!(come(&mut theirs).await, b"answer");
    }

    /// A connection of which nothing can be read any more.
    struct Broken {
        connection: DuplexStream,
        is_broken: bool,
    }

    impl AsyncRead for Broken {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.is_broken {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            Pin::new(&mut self.connection).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.connection).poll_write(context, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.connection).poll_flush(context)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.connection).poll_shutdown(context)
        }
    }
}
