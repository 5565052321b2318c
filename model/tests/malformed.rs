//! Files that are no history: each is refused with the line, the column where there is one, and what was expected.

use std::io::{self, BufReader, Read};

use reveille_model::build;
use reveille_model::history::{Event, Header};
use reveille_model::jsonl::{LINE_BYTES_MAX, Malformed, Problem, Reader};

fn header() -> String {
    let header = Header { datacenter_of: vec![0, 0, 1], alarm_classes: None, ..build::header() };
    serde_json::to_string(&header).expect("a header is JSON")
}

fn read(file: impl Read) -> Result<Vec<Event>, Malformed> {
    Reader::new(BufReader::new(file))?.collect()
}

/// The complaint about a file with these lines after its header, all but the last of which are well-formed.
fn complaint(lines: &[&str]) -> String {
    let file = format!("{}\n{}\n", header(), lines.join("\n"));
    let before = lines.len() - 1;
    let well_formed: String = file.lines().take(1 + before).map(|line| format!("{line}\n")).collect();
    assert_eq!(read(well_formed.as_bytes()).expect("only the last line is wrong").len(), before);
    let malformed = read(file.as_bytes()).expect_err("the last line is wrong");
    assert_eq!(malformed.line, before as u64 + 2, "{malformed}");
    malformed.to_string()
}

fn assert_complaint(lines: &[&str], expected: &str) {
    let complaint = complaint(lines);
    assert!(complaint.contains(expected), "{expected:?} is not in {complaint:?}");
}

/// An event of instance 1 of `C/a`.
fn by(seq: u32, turn: u32, what: &str) -> String {
    format!(r#"{{"at_ns":5,"object":"C/a","instance":1,"epoch":1,"seq":{seq},"turn":{turn},{what}}}"#)
}

const START: &str = r#"{"at_ns":5,"object":"C/a","instance":1,"epoch":1,"seq":0,"turn":0,"event":"instance_start","cause":"request"}"#;
const DAMAGED: &str = r#"{"at_ns":5,"event":"disk_damaged"}"#;

#[test]
fn a_line_that_is_no_event_is_refused() {
    let cases = [
        ("", "line 2: a blank line; a history is JSON Lines: each line is one whole JSON object"),
        (" \t\r", "line 2: a blank line"),
        ("at 5 ns the disk was damaged", "line 2: plain text, not JSON"),
        ("7", "line 2: a JSON value that is not an object"),
        ("}", "line 2: plain text, not JSON"),
        (r#"{"at_ns":5,"event":"disk_damaged""#, "the begin of a JSON object that goes on in another line"),
        ("\u{feff}{}", "line 2: a byte order mark before the text; save the file without one"),
        (r#"{"at_ns":5,"event":"disk_damaged"}}"#, "line 2, column 35: trailing characters"),
        (r#"[5,"disk_damaged"]"#, "line 2: a JSON array; a history is JSON Lines"),
        ("[", "line 2: a JSON array"),
        (r#"{"event":"disk_damaged"}"#, "missing field `at_ns`"),
        (r#"{"at_ns":5}"#, "missing field `event`"),
        (r#"{"at_ns":-5,"event":"disk_damaged"}"#, "column 11: invalid value: integer `-5`, expected u64"),
        (r#"{"at_ns":5.0,"event":"disk_damaged"}"#, "invalid type: floating point `5.0`, expected u64"),
        (r#"{"at_ns":5,"at_ns":5,"event":"disk_damaged"}"#, "duplicate field `at_ns`"),
        (r#"{"at_ns":18446744073709551616,"event":"disk_damaged"}"#, "expected u64"),
        (r#"{"at_ns":5,"event":"disk_damage"}"#, "unknown event `disk_damage`; expected one of call, return"),
        (r#"{"at_ns":5,"evnt":"disk_damaged"}"#, "column 17: unknown field `evnt`, expected one of `at_ns`"),
        (
            r#"{"at_ns":5,"event":"disk_damaged","key":"a"}"#,
            "`key` has no place here in event `disk_damaged`",
        ),
        (r#"{"at_ns":5,"event":"fault_end"}"#, "event `fault_end` needs `fault` here"),
        (r#"{"at_ns":5,"event":"disk_damaged","machine":0}"#, "event `disk_damaged` needs `wall_ns` here"),
        (r#"{"at_ns":5,"event":"disk_damaged","wall_ns":0}"#, "event `disk_damaged` needs `machine` here"),
        (
            r#"{"at_ns":5,"event":"fault_begin","fault":1,"kind":"a","scope":"network","takes":["time","time"]}"#,
            "`takes`: `time` stands in it twice",
        ),
        (
            r#"{"at_ns":5,"event":"fault_begin","fault":1,"kind":"a","scope":"network","takes":["all"]}"#,
            "unknown variant `all`, expected one of `memory`",
        ),
        (r#"{"at_ns":5,"event":"fault_end","fault":1,"takes":[]}"#, "`takes` has no place here"),
        (r#"{"at_ns":5,"event":"commit"}"#, "event `commit` needs `object` here"),
        (r#"{"at_ns":5,"event":"commit","object":"C/a","instance":1}"#, "event `commit` needs `epoch` here"),
        (
            r#"{"at_ns":5,"event":"phase","phase":"night"}"#,
            "unknown variant `night`, expected one of `warm_up`",
        ),
        (r#"{"at_ns":5,"event":"outbound_arrive","call":"get"}"#, r#"`call`: "get", expected a number"#),
        (
            r#"{"at_ns":5,"event":"return","request":1,"outcome":"ok"}"#,
            "expected `answered`, `refused` or `unknown`",
        ),
        (r#"{"at_ns":5,"event":"at_rest","of":"C/a","keys":{"a":"1","a":"2"}}"#, "a key stands there twice"),
        (r#"{"at_ns":5,"event":"at_rest","of":"C/a","keys":{},"alarm":5}"#, "`alarm`: 5, expected an object"),
    ];
    for (line, expected) in cases {
        assert_complaint(&[line], expected);
    }
}

#[test]
fn an_operation_is_checked_like_an_event() {
    let cases = [
        (r#""event":"op","op":1,"call":"fetch""#, "unknown call `fetch`; expected one of get, get_many"),
        (r#""event":"op","op":1,"call":7"#, "`call`: 7, expected the name of a storage call"),
        (r#""event":"op","op":1,"call":"put","key":"a""#, "event `op` needs `value` here"),
        (r#""event":"op","op":1,"call":"get","key":"a","value":"v""#, "`value` has no place here"),
        (r#""event":"op","op":1,"call":"put","key":"a","value":{"base64":"?"}"#, "Invalid symbol 63"),
        (
            r#""event":"op","op":1,"call":"set_alarm","time_ms":1,"scheduled_ms":1,"alarm":{}"#,
            "missing field",
        ),
        (
            r#""event":"await","op":1,"kind":"lunch""#,
            "`kind`: unknown variant `lunch`, expected one of `storage`",
        ),
        (r#""event":"op_result","op":1,"result":"don""#, "unknown variant `don`, expected one of `done`"),
        (r#""event":"run_end","run":1,"outcome":"unknown""#, "expected `ok`, `failed` or `platform`"),
    ];
    for (what, expected) in cases {
        assert_complaint(&[START, &by(1, 1, what)], expected);
    }
}

#[test]
fn what_is_out_of_order_is_refused() {
    let (get, result) = (
        r#""event":"op","op":1,"call":"get","key":"a""#,
        r#""event":"op_result","op":1,"result":{"value":null}"#,
    );
    let run_start = r#""event":"run_start","run":9,"scheduled_ms":1,"retry_count":0,"is_retry":false"#;
    let run_end = r#""event":"run_end","run":9,"outcome":"ok""#;
    let constructed = by(1, 0, r#""event":"constructor_end""#);
    let ended = by(9, 9, r#""event":"instance_end","reason":"evicted""#);
    let call = r#"{"at_ns":5,"event":"call","request":3,"to":"C/a","body":""}"#;
    let returned = r#"{"at_ns":5,"event":"return","request":3,"outcome":"unknown"}"#;
    let fault = r#"{"at_ns":5,"event":"fault_begin","fault":4,"kind":"crash","scope":{"machine":2}}"#;
    let healed = r#"{"at_ns":5,"event":"fault_end","fault":4}"#;
    let cases: [(&[&str], &str); 19] = [
        (&[DAMAGED, r#"{"at_ns":4,"event":"disk_damaged"}"#], "`at_ns` is 4, and was 5 in the line before"),
        (&[START, &by(0, 1, get)], "`seq` of instance 1 of C/a is 0, after 0; it has to rise"),
        (
            &[START, &by(1, 1, get).replace(r#""epoch":1"#, r#""epoch":2"#)],
            "`epoch` of instance 1 of C/a is 2",
        ),
        (&[&by(0, 1, result)], "operation 1 ends here, but no op for it is open"),
        (&[START, &by(1, 1, get), &by(2, 1, &result.replace("1,", "2,"))], "operation 2 ends here"),
        (&[START, &by(1, 1, get), &by(2, 1, get)], "operation 1 starts here, but it has started before"),
        (&[START, &by(1, 1, run_end)], "run 9 ends here, but no run_start for it is open"),
        (&[START, &by(1, 1, run_start), &by(2, 1, run_start)], "run 9 starts here"),
        (&[&constructed], "the constructor of instance 1 ends here, but no instance_start"),
        (
            &[START, &constructed, &constructed.replace(r#""seq":1"#, r#""seq":2"#)],
            "the constructor of instance 1",
        ),
        (&[&ended], "instance 1 ends here, but no instance_start for it is open"),
        (&[START, &ended, &ended.replace(r#""seq":9"#, r#""seq":10"#)], "instance 1 ends here"),
        (&[START, START], "instance 1 starts here, but it has started before"),
        (&[returned], "request 3 ends here, but no call for it is open"),
        (&[call, call], "request 3 starts here, but it has started before"),
        (&[call, returned, returned], "request 3 ends here"),
        (&[healed], "fault 4 ends here, but no fault_begin for it is open"),
        (&[fault, fault], "fault 4 starts here"),
        (&[fault, healed, healed], "fault 4 ends here"),
    ];
    for (lines, expected) in cases {
        assert_complaint(lines, expected);
    }
}

#[test]
fn a_machine_that_the_header_does_not_know_is_refused() {
    let strikes = |scope: &str| {
        format!(r#"{{"at_ns":5,"event":"fault_begin","fault":4,"kind":"cut","scope":{scope}}}"#)
    };
    let nobody = "there is no machine 3: `datacenter_of` in the header knows 3";
    assert_complaint(&[r#"{"at_ns":5,"machine":3,"wall_ns":5,"event":"disk_damaged"}"#], nobody);
    assert_complaint(&[&strikes(r#"{"machine":3}"#)], nobody);
    assert_complaint(&[&strikes(r#"{"links":{"from":[0],"to":[1,3]}}"#)], nobody);
    assert_complaint(&[&strikes(r#"{"datacenter":2}"#)], "there is no datacenter 2");
    assert_complaint(
        &[r#"{"at_ns":5,"machine":0,"wall_ns":5,"event":"leader","datacenter":2,"term":1}"#],
        "there is no datacenter 2",
    );
}

#[test]
fn the_first_line_is_a_header_of_this_version() {
    let complaint = |file: &str| read(file.as_bytes()).expect_err("it has no header").to_string();
    assert!(complaint("").contains("line 1: the file is empty; its first line is the header"));
    assert!(complaint("\n").contains("line 1: a blank line"));
    assert!(complaint(&format!("[{},\n{DAMAGED}]\n", header())).contains("line 1: a JSON array"));
    assert!(complaint("\u{feff}").contains("line 1: a byte order mark"));
    assert!(complaint(&format!("{DAMAGED}\n")).contains("line 1: the first line has no `version`"));
    let twice = format!("{}\n{DAMAGED}\n{}\n", header(), header());
    assert!(complaint(&twice).contains("line 3: a second header; a history has one"));
    let utf16: Vec<u8> = header().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = read([&b"\xFF\xFE"[..], &utf16].concat().as_slice()).expect_err("it is not UTF-8");
    assert!(utf16.to_string().contains("line 1: text in UTF-16"), "{utf16}");
    let newer = header().replace(r#""version":1"#, r#""version":2"#);
    assert!(complaint(&newer).contains("the history has version 2, and this is a reader of version 1"));
    let lacking = header().replace(r#""retries_max":6,"#, "");
    assert!(complaint(&lacking).contains("missing field `retries_max`"));
}

#[test]
fn a_last_line_that_is_cut_off_is_told_from_one_that_is_wrong() {
    let file = format!("{}\n{DAMAGED}\n", header());
    for cut in 1..=DAMAGED.len() {
        let cut_off = &file[..file.len() - 1 - cut];
        let read = read(cut_off.as_bytes());
        if cut == DAMAGED.len() {
            assert!(read.is_ok_and(|events| events.is_empty()), "a file may end after any line");
            continue;
        }
        let malformed = read.expect_err("the line is not whole");
        assert_eq!(malformed.line, 2);
        assert!(matches!(malformed.problem, Problem::Truncated { .. }), "{cut}: {malformed}");
    }
    assert_eq!(read(&file.as_bytes()[..file.len() - 1]).expect("only the line's end is missing").len(), 1);
    let mut bytes = format!("{}\n{}", header(), r#"{"at_ns":5,"event":"ü"#).into_bytes();
    bytes.pop();
    let malformed = read(bytes.as_slice()).expect_err("the line is not whole");
    assert!(matches!(malformed.problem, Problem::Truncated { column: 21, .. }), "{malformed}");
    let wrong = format!("{}\n{}", header(), r#"{"at_ns":5,"event":"sunrise"}"#);
    let malformed = read(wrong.as_bytes()).expect_err("there is no such event");
    assert!(matches!(malformed.problem, Problem::Unknown { .. }), "{malformed}");
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut file = format!("{}\n", header()).into_bytes();
    file.extend(b"{\"at_ns\":5,\"event\":\"disk\xff_damaged\"}\n");
    let malformed = read(file.as_slice()).expect_err("it is not UTF-8");
    assert_eq!(malformed.to_string().split("; ").next(), Some("line 2, column 25: invalid UTF-8"));
}

#[test]
fn nesting_without_an_end_is_refused() {
    for open in ["[", r#"{"a":"#, r#"{"at_ns":5,"event":"#] {
        let file = format!("{}\n{}\n", header(), open.repeat(1_000_000));
        assert_eq!(read(file.as_bytes()).expect_err("it is no event").line, 2);
    }
}

/// As many bytes as asked for, all the same.
struct Same(u8);

impl Read for Same {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        into.fill(self.0);
        Ok(into.len())
    }
}

#[test]
fn a_line_without_an_end_is_refused_at_the_limit() {
    let header = format!("{}\n", header());
    let file = header.as_bytes().chain(Same(b'x').take(1 << 30));
    let mut reader = Reader::new(BufReader::new(file)).expect("the header is right");
    let malformed = reader.next().expect("there is a line").expect_err("it is too long");
    assert!(matches!(malformed.problem, Problem::TooLong { bytes_max: LINE_BYTES_MAX }), "{malformed}");
    let expected = header.len() + LINE_BYTES_MAX + 1;
    assert_eq!(reader.bytes(), expected as u64, "the rest of the GiB was not read");
    assert!(reader.next().is_none(), "nothing is read after a mistake");
}

#[test]
fn input_that_cannot_be_read_is_said_so() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the cable is out"))
        }
    }
    let header = format!("{}\n", header());
    let malformed = read(header.as_bytes().chain(Broken)).expect_err("it cannot be read");
    assert_eq!(malformed.to_string(), "line 2: cannot be read: the cable is out");
}
