//! Values as V8 writes them (`ValueSerializer`), as the wrapper tells them: texts as they are, everything else as JSON. What has no
//! JSON, as a date or a map, is not read.

use std::fmt::Write;

/// The value in these bytes; none if it is of a kind that is not read.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader { bytes, at: 0 };
    reader.header()?;
    let value = reader.value(0)?;
    (reader.at == bytes.len()).then_some(match value {
        Value::Text(text) => text,
        Value::Json(json) => json,
    })
}

/// Deeper than this no value is read.
const DEPTH_MAX: usize = 64;

enum Value {
    Text(String),
    Json(String),
}

impl Value {
    fn json(self) -> String {
        match self {
            Value::Text(text) => serde_json::Value::String(text).to_string(),
            Value::Json(json) => json,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
    }

    /// One or more versions: 0xFF and a number.
    fn header(&mut self) -> Option<()> {
        while self.bytes.get(self.at) == Some(&0xFF) {
            self.at += 1;
            self.number()?;
        }
        (self.at > 0).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let json = |text: &str| Some(Value::Json(text.to_owned()));
        match self.byte()? {
            // Padding, before a text of two bytes a letter.
            0 => self.value(depth + 1),
            b'0' => json("null"),
            b'T' => json("true"),
            b'F' => json("false"),
            b'I' => {
                let number = self.number()?;
                let number = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
                Some(Value::Json(number.to_string()))
            }
            b'N' => {
                let number = f64::from_le_bytes(self.take(8)?.try_into().ok()?);
                // As far as both languages write it with the same digits.
                let is_plain = number.fract() == 0.0 && number.abs() < 1e15;
                is_plain.then(|| Value::Json(format!("{number:.0}")))
            }
            b'"' => {
                let length = usize::try_from(self.number()?).ok()?;
                Some(Value::Text(self.take(length)?.iter().map(|byte| char::from(*byte)).collect()))
            }
            b'c' => {
                let length = usize::try_from(self.number()?).ok()?;
                let units: Vec<u16> = self
                    .take(length)?
                    .chunks_exact(2)
                    .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                    .collect();
                String::from_utf16(&units).ok().map(Value::Text)
            }
            b'o' => self.object(depth),
            b'A' => self.array(depth),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut json = "{".to_owned();
        while self.bytes.get(self.at) != Some(&b'{') {
            let key = match self.value(depth + 1)? {
                Value::Text(text) => serde_json::Value::String(text).to_string(),
                Value::Json(number) => format!("\"{number}\""),
            };
            let value = self.value(depth + 1)?.json();
            let comma = if json.len() > 1 { "," } else { "" };
            write!(json, "{comma}{key}:{value}").ok()?;
        }
        self.at += 1;
        self.number()?;
        Some(Value::Json(json + "}"))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let length = self.number()?;
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(self.value(depth + 1)?.json());
        }
        // What stands beside the elements is nothing that JSON has.
        let is_plain = self.byte()? == b'$' && self.number()? == 0 && self.number()? == length;
        is_plain.then(|| Value::Json(format!("[{}]", values.join(","))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_wrapper_tells_them() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"\xFF\x0F\"\x02hi", Some("hi")),
            (b"\xFF\x0FI\x05", Some("-3")),
            (b"\xFF\x0FN\x00\x00\x00\x00\x00\x00\xF0\x3F", Some("1")),
            (b"\xFF\x0Fo\"\x01aA\x02I\x02T$\x00\x02\"\x01b0{\x02", Some(r#"{"a":[1,true],"b":null}"#)),
            (b"\xFF\x0Fc\x04\x3D\xD8\x00\xDE", Some("\u{1F600}")),
            (b"\xFF\x0FD\x00\x00\x00\x00\x00\x00\xF0\x3F", None),
            (b"\xFF\x0F\"\x05hi", None),
            (b"hi", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(text(bytes).as_deref(), expected, "{bytes:?}");
        }
    }
}
