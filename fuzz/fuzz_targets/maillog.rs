//! Any line of a log: none panics, and what is told of a message is part of the line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_wire::maillog::Line;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for line in text.lines() {
        if let Some(line) = Line::parse(line) {
            let _ = line.entry();
        }
        let message = Line { time: "", program: "postfix/smtpd", pid: "1", message: line };
        let _ = message.entry();
    }
});
