//! Measures Postern beside an echo server that only finds the blank line and answers.
//!
//! Both run as processes of their own on loopback, one after the other in turns, with the same
//! load: each connection asks, waits for the answer, asks again. `docs/benchmarks.md` says how
//! to read what it prints.

mod echo;
mod load;
mod memory;
mod pages;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use load::Load;

/// Measure Postern.
#[derive(Debug, Parser)]
struct Args {
    /// The postern binary
    #[arg(long, default_value = "./target/dist/postern")]
    postern: PathBuf,
    /// Another build of postern, measured in turns with it
    #[arg(long, value_name = "POSTERN")]
    beside: Option<PathBuf>,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often each is measured, in turns; the median is told
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Users that send
    #[arg(long, default_value_t = 10_000)]
    users: usize,
    /// Entities for the memory and start-up measurement
    #[arg(long, default_value_t = 1_000_000)]
    entities: usize,
    /// Restrictions in force while the portal's pages are measured
    #[arg(long, default_value_t = 100_000)]
    restrictions: usize,
    /// Run the echo server on a single thread instead of tokio's runtime as it comes
    #[arg(long)]
    echo_one_thread: bool,
    /// Minutes in which the entities send: all in the first, every tenth in each further one
    #[arg(long, default_value_t = 3)]
    minutes: usize,
    /// Messages that come to nothing, for the measurement of their memory
    #[arg(long, default_value_t = 3_000_000)]
    unfinished: usize,
    #[command(subcommand)]
    command: Option<Part>,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Only decisions per second and latency
    Throughput,
    /// Only whether decisions per second and latency stay the same, minute by minute
    Steady {
        /// How long to measure, in minutes
        #[arg(default_value_t = 10)]
        minutes: usize,
    },
    /// Only memory and start-up
    Memory,
    /// Only the memory that messages take which come to nothing
    Unfinished,
    /// Only the portal's pages
    Pages,
    /// Be the echo server (used by the measurement itself)
    Echo {
        /// Where to listen
        port: u16,
        /// On a single thread
        #[arg(long)]
        one_thread: bool,
    },
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(Part::Echo { port, one_thread }) = args.command {
        return echo::serve(port, one_thread);
    }
    if matches!(args.command, None | Some(Part::Throughput)) {
        throughput(&args)?;
    }
    if let Some(Part::Steady { minutes }) = args.command {
        steady(&args, minutes)?;
    }
    if matches!(args.command, None | Some(Part::Memory)) {
        memory::measure(&args.postern, args.entities, args.minutes)?;
    }
    if matches!(args.command, None | Some(Part::Unfinished)) {
        memory::unfinished(&args.postern, args.unfinished)?;
    }
    if matches!(args.command, None | Some(Part::Pages)) {
        pages::measure(&args.postern, args.entities, args.restrictions)?;
    }
    Ok(())
}

fn throughput(args: &Args) -> anyhow::Result<()> {
    let mut servers = vec![
        ("echo", server::Server::echo(args.echo_one_thread)?),
        ("postern", server::Server::postern(&args.postern)?),
    ];
    if let Some(beside) = &args.beside {
        servers.push(("beside", server::Server::postern(beside)?));
    }
    for load in [Load::Messages, Load::Recipients] {
        let about = match load {
            Load::Messages => "Whole messages: recipient, confirmation, end",
            Load::Recipients => "Recipients alone, a new message for each",
        };
        println!("\n{about}:\n");
        println!("| connections | server | decisions/s | p50 | p99 | decisions/s, of echo | p99, of echo |");
        println!("| ---: | --- | ---: | ---: | ---: | ---: | ---: |");
        compare(args, &servers, load)?;
    }
    Ok(())
}

fn compare(args: &Args, servers: &[(&str, server::Server)], load: Load) -> anyhow::Result<()> {
    for connections in [1, 8, 64] {
        let mut measured: Vec<Vec<load::Measured>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 0..args.rounds {
            for (results, (_, server)) in measured.iter_mut().zip(servers) {
                let length = Duration::from_secs(args.seconds);
                results.push(load::run(server.port, load, connections, args.users, length, round)?);
            }
        }
        let [echo, others @ ..] = &measured[..] else { anyhow::bail!("no server was measured") };
        print_row(connections, "echo", echo, String::new(), String::new());
        for (results, (name, _)) in others.iter().zip(&servers[1..]) {
            let pairs = || echo.iter().zip(results);
            let speed = median(pairs().map(|(e, p)| p.per_second / e.per_second));
            let tail = median(pairs().map(|(e, p)| p.p99 / e.p99));
            print_row(connections, name, results, format!("{speed:.2}"), format!("{tail:.2}"));
        }
    }
    Ok(())
}

/// One minute after the other at 64 connections, recipients alone: the load that leaves most behind.
fn steady(args: &Args, minutes: usize) -> anyhow::Result<()> {
    let server = server::Server::postern(&args.postern)?;
    println!("\n| minute | decisions/s | p50 | p99 |\n| ---: | ---: | ---: | ---: |");
    for minute in 1..=minutes {
        let length = Duration::from_secs(60);
        let m = load::run(server.port, Load::Recipients, 64, args.users, length, minute)?;
        println!("| {minute} | {:.0} | {:.0} µs | {:.0} µs |", m.per_second, m.p50, m.p99);
    }
    Ok(())
}

fn print_row(connections: usize, name: &str, results: &[load::Measured], speed: String, tail: String) {
    let of = |value: fn(&load::Measured) -> f64| median(results.iter().map(value));
    println!(
        "| {connections} | {name} | {:.0} | {:.0} µs | {:.0} µs | {speed} | {tail} |",
        of(|m| m.per_second),
        of(|m| m.p50),
        of(|m| m.p99),
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
