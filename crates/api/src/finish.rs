//! Completes every change that was begun, even if the client disconnects.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Runs a request that may change something to its end, whether or not the client still waits. Without this, a
/// request's future is dropped where it stands when its connection closes, and a change could be written but not take
/// effect.
pub async fn finish(request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request ended without an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::post;
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// How often a change was begun and ended when its client disconnects in between.
    async fn sent_and_left(finishes: bool) -> (usize, usize) {
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let change = {
            let (begun, ended) = (Arc::clone(&begun), Arc::clone(&ended));
            async move || {
                begun.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(200)).await;
                ended.fetch_add(1, Ordering::SeqCst);
            }
        };
        let router = Router::new().route("/", post(change));
        let router = if finishes { router.layer(from_fn(finish)) } else { router };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        while begun.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(stream);
        tokio::time::sleep(Duration::from_millis(600)).await;
        (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_change_ends_though_its_sender_goes_away() {
        assert_eq!(sent_and_left(false).await, (1, 0), "otherwise there is nothing to finish");
        assert_eq!(sent_and_left(true).await, (1, 1));
    }
}
