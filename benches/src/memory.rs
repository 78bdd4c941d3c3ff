//! Memory for each entity, and the time to be ready again after kill -9 with all of them.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::write_request;
use crate::server::Server;

/// Requests that are sent before their answers are read.
const BATCH: usize = 64;

pub(crate) fn measure(postern: &Path, entities: usize, minutes: usize) -> anyhow::Result<()> {
    let server = Server::postern(postern)?;
    let before = server.resident()?;
    fill(server.port, entities, "m0")?;
    for minute in 1..minutes {
        // Usage is kept by the minute: a message in a further one takes further memory.
        std::thread::sleep(Duration::from_secs(60));
        fill(server.port, entities / 10, &format!("m{minute}"))?;
    }
    // What is written after the answers, the journal and the traffic for the charts, has to be on disk before the crash;
    // until then it takes memory that is not what an entity takes.
    server.wait_until_idle()?;
    let grown = server.resident()? - before;
    let (server, ready) = server.restart_after_kill_9(postern)?;
    let restored = server.resident()? - before;
    println!();
    println!("| entities | resident, each | resident after restart, each | ready after kill -9 |");
    println!("| ---: | ---: | ---: | ---: |");
    println!(
        "| {entities} | {} bytes | {} bytes | {:.2} s |",
        grown / entities as u64,
        restored / entities as u64,
        ready.as_secs_f64()
    );
    Ok(())
}

/// The memory of the whole process before and after so many messages that come to nothing: one recipient each, from
/// 10,000 users.
pub(crate) fn unfinished(postern: &Path, messages: usize) -> anyhow::Result<()> {
    const USERS: usize = 10_000;
    let server = Server::postern(postern)?;
    // The server shows that it reports ends and confirms recipients.
    for stage in 0..3 {
        ask(server.port, 1, &|_| (stage, 0, "first.0".into()))?;
    }
    let before = server.resident()?;
    ask(server.port, messages, &|number| (0, number % USERS, format!("u{number}.0")))?;
    let after = server.resident()?;
    println!();
    println!("| unfinished messages | resident before | resident after |");
    println!("| ---: | ---: | ---: |");
    println!("| {messages} | {} MB | {} MB |", before / 1_000_000, after / 1_000_000);
    Ok(())
}

/// One counted message for each entity.
pub(crate) fn fill(port: u16, entities: usize, prefix: &str) -> anyhow::Result<()> {
    ask(port, entities, &|user| (2, user, format!("{prefix}.{user}.0")))
}

/// Asks so many questions, each of a stage, a user and an instance.
fn ask(port: u16, questions: usize, question: &dyn Fn(usize) -> (usize, usize, String)) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (mut request, mut batch, mut answer) = (String::new(), String::new(), vec![0; 64 * 1024]);
        let mut asked = 0;
        for number in 0..questions {
            let (stage, user, instance) = question(number);
            write_request(&mut request, stage, user, &instance);
            batch.push_str(&request);
            asked += 1;
            if asked == BATCH || number + 1 == questions {
                stream.write_all(batch.as_bytes()).await?;
                let mut left = asked * b"action=DUNNO\n\n".len();
                while left > 0 {
                    let read = stream.read(&mut answer).await?;
                    anyhow::ensure!(read > 0 && read <= left, "an answer that is not DUNNO");
                    left -= read;
                }
                batch.clear();
                asked = 0;
            }
        }
        Ok(())
    })
}
