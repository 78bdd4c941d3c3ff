//! Any bytes at the policy door: read or refused, never a panic, and what is read is read the
//! same again after writing it out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_wire::policy::{Request, RequestLimits, find_end, text};

fuzz_target!(|bytes: &[u8]| {
    let limits = RequestLimits { line: 512, request: 4096 };
    let mut rest = bytes;
    while let Ok(Some(end)) = find_end(rest, 0, limits) {
        let block = text(&rest[..end]);
        if let Ok(request) = Request::parse(&block) {
            let mut written = Vec::new();
            request.text.encode(&mut written);
            let again = text(&written).into_owned();
            assert_eq!(Request::parse(&again).map(|again| again.text == request.text), Ok(true));
        }
        rest = &rest[end..];
    }
});
