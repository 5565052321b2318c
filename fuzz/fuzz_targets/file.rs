//! Any bytes as a history: they are read and judged, or refused with the line that is wrong.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reveille_model::jsonl::Reader;
use reveille_model::{Checker, Profile};

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|byte| *byte == b'\n').count() as u64;
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(malformed) => return assert_eq!(malformed.line, 1, "{malformed}"),
    };
    let mut checker = Checker::new(reader.header(), Profile::Strict);
    for (index, event) in reader.by_ref().enumerate() {
        match event {
            Ok(event) => checker.observe(index, &event),
            Err(malformed) => {
                assert!(malformed.line == index as u64 + 2 && malformed.line <= lines, "{malformed}");
                assert!(!malformed.to_string().is_empty());
            }
        }
    }
    drop(checker.finish());
});
