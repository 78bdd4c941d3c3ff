use super::*;
use proptest::prelude::*;

const RCPT: &str = "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
    client_address=192.0.2.7\nclient_name=host.example\nhelo_name=host\nsender=a=b=c@example.com\n\
    recipient=bob+x=y@example.net\nrecipient_count=0\nqueue_id=\ninstance=7595.6b071aa5.aabcf.0\n\
    size=4711\nsasl_method=PLAIN\nsasl_username=alice\nfuture_attribute=1=2\n\n";

#[test]
fn reads_a_request_and_keeps_values_whole() {
    let request = Request::parse(RCPT).unwrap();
    assert_eq!(request.stage, Stage::Rcpt);
    assert_eq!(request.text.sender, "a=b=c@example.com");
    assert_eq!(request.text.recipient, "bob+x=y@example.net");
    assert_eq!(request.client_address, Some("192.0.2.7".parse().unwrap()));
    assert_eq!((request.recipient_count, request.size), (0, 4711));
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("\n", "attribute request is missing"),
        ("request=other\n\n", "attribute request is \"other\", expected smtpd_access_policy"),
        ("request=smtpd_access_policy\n\n", "attribute protocol_state is missing"),
        ("request=smtpd_access_policy\nnonsense\n\n", "line 2 has no '=': \"nonsense\""),
        ("request=smtpd_access_policy\n\n\n", "line 2 has no '=': \"\""),
        ("request=smtpd_access_policy\n=x\n\n", "line 2 has no attribute name before '='"),
        ("request=smtpd_access_policy\nsender=a\nsender=b\n\n", "attribute sender is given twice"),
        ("request=smtpd_access_policy\nsender=a\0b\n\n", "line 2 holds a NUL byte"),
        ("request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=a\n\n", "attribute instance is missing"),
        ("request=smtpd_access_policy\nprotocol_state=RCPT\ninstance=a\n\n", "attribute recipient is missing"),
        (
            "request=smtpd_access_policy\nprotocol_state=DATA\ninstance=a\nsize=big\n\n",
            "attribute size is \"big\", expected a whole number",
        ),
    ];
    for (block, error) in cases {
        assert_eq!(Request::parse(block).unwrap_err().to_string(), error);
    }
}

#[test]
fn bytes_that_are_no_utf8_stay_apart() {
    assert_eq!(text(b"sender=\xff"), "sender=\\xFF");
    assert_ne!(text(b"sender=\xfe"), text(b"sender=\xff"));
    assert_eq!(text("sender=jürgen".as_bytes()), "sender=jürgen");
}

#[test]
fn limits_hold_for_lines_and_requests() {
    let limits = RequestLimits { line: 10, request: 30 };
    assert_eq!(find_end(b"a=1\n", 0, limits), Ok(None));
    assert_eq!(find_end(b"a=1\n\nb=2", 0, limits), Ok(Some(5)));
    assert_eq!(find_end(b"\nrest", 0, limits), Ok(Some(1)));
    assert_eq!(find_end(b"a=1\n\n", 4, limits), Ok(Some(5)));
    assert_eq!(find_end(b"a=12345678901", 0, limits), Err(Malformed::LineTooLong { limit: 10 }));
    let long = b"a=1\n".repeat(8);
    assert_eq!(find_end(&long, 0, limits), Err(Malformed::RequestTooLong { limit: 30 }));
}

#[test]
fn an_action_is_one_line() {
    let mut out = Vec::new();
    encode_action(&mut out, "550 5.1.8 no\nx=y");
    assert_eq!(out, b"action=550 5.1.8 no x=y\n\n");
}

/// Runs the fuzzer's corpus on a stable toolchain, in every test run.
#[test]
fn the_corpus_is_read_or_refused() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/policy_request");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        if let Ok(Some(end)) = find_end(&bytes, 0, RequestLimits::default()) {
            read += usize::from(Request::parse(&text(&bytes[..end])).is_ok());
        }
    }
    assert!(read >= 4, "only {read}");
}

fn value() -> impl Strategy<Value = String> {
    "[^\n\0]{0,30}"
}

proptest! {
    #[test]
    fn round_trips(sender in value(), recipient in "[^\n\0]{1,30}", login in value(), helo in value(),
                   count in 0u32..5000, size: u64) {
        let (count, size) = (count.to_string(), size.to_string());
        let attributes = Attributes {
            request: "smtpd_access_policy", protocol_state: "RCPT", instance: "1.2.3.0",
            sender: &sender, recipient: &recipient, sasl_username: &login, helo_name: &helo,
            recipient_count: &count, size: &size, ..Attributes::default()
        };
        let mut bytes = Vec::new();
        attributes.encode(&mut bytes);
        prop_assert_eq!(find_end(&bytes, 0, RequestLimits::default()), Ok(Some(bytes.len())));
        let block = text(&bytes);
        prop_assert_eq!(Request::parse(&block).unwrap().text, attributes);
    }

    #[test]
    fn attribute_order_does_not_matter(order in Just((0..13usize).collect::<Vec<_>>()).prop_shuffle()) {
        let lines: Vec<&str> = RCPT.trim_end().split('\n').collect();
        let shuffled: String = order.iter().map(|&i| format!("{}\n", lines[i])).collect();
        let whole: String = (0..13).map(|i| format!("{}\n", lines[i])).collect();
        prop_assert_eq!(Request::parse(&shuffled).unwrap(), Request::parse(&whole).unwrap());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), split in 0usize..400) {
        let limits = RequestLimits { line: 100, request: 300 };
        let whole = find_end(&bytes, 0, limits);
        // The end is the same whether the request arrives in pieces or at once.
        let split = split.min(bytes.len());
        if let Ok(None) = find_end(&bytes[..split], 0, limits) {
            prop_assert_eq!(&find_end(&bytes, split, limits), &whole);
        }
        if let Ok(Some(end)) = whole {
            let _ = Request::parse(&text(&bytes[..end]));
        }
    }
}
