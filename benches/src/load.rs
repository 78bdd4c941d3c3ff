//! The load: connections that ask, wait, and ask again, as smtpd processes do.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What one run measured; times in microseconds.
pub(crate) struct Measured {
    pub(crate) per_second: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// What each connection asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Whole messages, three questions each: the recipient, its confirmation, the end.
    Messages,
    /// One recipient each of messages that come to nothing: a new message for each question.
    Recipients,
}

pub(crate) fn run(
    port: u16,
    load: Load,
    connections: usize,
    users: usize,
    length: Duration,
    round: usize,
) -> anyhow::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut times: Vec<u32> = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..connections {
            let first = connection * users / connections;
            tasks.spawn(connection_load(port, load, connection, first, users, length, round));
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            all.extend(done??);
        }
        anyhow::Ok(all)
    })?;
    times.sort_unstable();
    let at = |share: f64| f64::from(times[((times.len() - 1) as f64 * share) as usize]) / 1000.0;
    Ok(Measured { per_second: times.len() as f64 / length.as_secs_f64(), p50: at(0.5), p99: at(0.99) })
}

async fn connection_load(
    port: u16,
    load: Load,
    connection: usize,
    first: usize,
    users: usize,
    length: Duration,
    round: usize,
) -> anyhow::Result<Vec<u32>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::with_capacity(1 << 18);
    let mut answer = vec![0; 512];
    let mut request = String::with_capacity(1024);
    let began = Instant::now();
    for message in 0.. {
        let user = (first + message) % users;
        let stages = if load == Load::Messages { 3 } else { 1 };
        for stage in 0..stages {
            write_request(&mut request, stage, user, &format!("{round}.{connection}.{message}.{stages}"));
            let asked = Instant::now();
            stream.write_all(request.as_bytes()).await?;
            let mut length = 0;
            while !answer[..length].ends_with(b"\n\n") {
                let read = stream.read(&mut answer[length..]).await?;
                anyhow::ensure!(read > 0, "the server closed the connection");
                length += read;
            }
            times.push(u32::try_from(asked.elapsed().as_nanos()).unwrap_or(u32::MAX));
            anyhow::ensure!(answer.starts_with(b"action=DUNNO"), "{}", String::from_utf8_lossy(&answer[..length]));
        }
        if began.elapsed() >= length {
            break;
        }
    }
    Ok(times)
}

/// What Postfix 3.8 sends, all attributes.
pub(crate) fn write_request(out: &mut String, stage: usize, user: usize, instance: &str) {
    use std::fmt::Write;
    let (state, context, count) =
        [("RCPT", "gate", 0), ("RCPT", "confirm", 0), ("END-OF-MESSAGE", "commit", 1)][stage % 3];
    out.clear();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\nclient_address=192.0.2.{}\n\
         client_name=client.example\nclient_port=40000\nreverse_client_name=client.example\nserver_address=192.0.2.1\n\
         server_port=587\nhelo_name=client.example\nsender=user{user}@example.com\nrecipient=someone{user}@example.net\n\
         recipient_count={count}\nqueue_id=\ninstance={instance}\nsize=4711\netrn_domain=\nstress=\nsasl_method=PLAIN\n\
         sasl_username=user{user}@example.com\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n\
         ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\n\
         encryption_keysize=256\npolicy_context={context}\ncompatibility_level=3.8\nmail_version=3.8.6\n\n",
        user % 250,
    );
}
