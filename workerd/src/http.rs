//! As much of HTTP/1.1 as two ends need that know each other: whole messages on a connection, with a length or in chunks.

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its first line.
    pub(crate) line: String,
    /// Its headers, names in lower case, in order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of the first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// A word of the first line.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.line.split(' ').nth(index).unwrap_or_default()
    }

    /// The status of a response; 0 if its first line has none.
    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }
}

/// Takes a whole message from the front of `buffer`; none while it is not all there.
pub(crate) fn take(buffer: &mut Vec<u8>) -> Option<Message> {
    let head_end = find(buffer, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut message = Message { line, headers, body: Vec::new() };
    let begin = head_end + 4;
    let end = if message.header("transfer-encoding") == Some("chunked") {
        let (body, end) = chunks(buffer, begin)?;
        message.body = body;
        end
    } else {
        let length: usize = message.header("content-length").and_then(|it| it.parse().ok()).unwrap_or(0);
        let end = begin + length;
        message.body = buffer.get(begin..end)?.to_vec();
        end
    };
    buffer.drain(..end);
    Some(message)
}

/// A body in chunks, and where it ends.
fn chunks(buffer: &[u8], begin: usize) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), begin);
    loop {
        let line_end = at + find(&buffer[at..], b"\r\n")?;
        let size = std::str::from_utf8(&buffer[at..line_end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let data = line_end + 2;
        body.extend_from_slice(buffer.get(data..data + size)?);
        at = data + size + 2;
        if buffer.len() < at {
            return None;
        }
        if size == 0 {
            return Some((body, at));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken of these bytes, and what is left of them.
    fn taken(text: &str) -> (Option<Message>, String) {
        let mut buffer = text.as_bytes().to_vec();
        let message = take(&mut buffer);
        (message, String::from_utf8(buffer).expect("the tests are in text"))
    }

    #[test]
    fn a_message_is_taken_when_it_is_whole_and_what_follows_stays() {
        let text = "POST http://a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET";
        let (message, rest) = taken(text);
        let message = message.expect("it is whole");
        assert_eq!(
            (message.word(0), message.word(1), message.header("host")),
            ("POST", "http://a/b", Some("a"))
        );
        assert_eq!((message.body.as_slice(), rest.as_str()), (b"hello".as_slice(), "GET"));
        assert_eq!(taken(&text[..text.len() - 4]).0, None, "its body is not all there");
        assert_eq!(taken("HTTP/1.1 204 No Content\r\n\r\n").0.map(|it| it.status()), Some(204));
    }

    #[test]
    fn a_body_may_come_in_chunks() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
        let (message, rest) = taken(text);
        assert_eq!((message.map(|it| it.body), rest.as_str()), (Some(b"abc0123456789".to_vec()), ""));
        for end in 0..text.len() {
            assert_eq!(taken(&text[..end]).0, None, "{end} bytes are not all");
        }
    }
}
