//! The least a policy server can do: find the blank line, answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// On tokio's runtime as it comes, or on a single thread, as Postern's door runs where there
/// are two processors.
pub(crate) fn serve(port: u16, one_thread: bool) -> anyhow::Result<()> {
    let mut builder = match one_thread {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                let mut buffer = Vec::with_capacity(2048);
                while let Ok(1..) = stream.read_buf(&mut buffer).await {
                    while let Some(end) = buffer.windows(2).position(|two| two == b"\n\n") {
                        buffer.drain(..end + 2);
                        if stream.write_all(b"action=DUNNO\n\n").await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    })
}
