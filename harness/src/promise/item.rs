//! What is followed on its way from a client to a service.

use super::view::{Answer, Asked, Moment, Sent};

/// An item that was acknowledged, and the calls that the service has accepted with it in them, each with its place in the body.
pub(super) struct Item<'v, 'a> {
    pub(super) asked: &'v Asked<'a>,
    pub(super) answer: Answer<'a>,
    pub(super) accepted: Vec<(&'v Sent<'a>, usize)>,
}

impl Item<'_, '_> {
    /// What of it a reader needs to recognise it.
    pub(super) fn told(&self) -> String {
        short(self.asked.body)
    }

    /// When a service accepted it for the first time, and where in the body it stood.
    pub(super) fn first(&self) -> Option<(Moment, usize)> {
        self.accepted.iter().map(arrival).min()
    }

    /// When the call left with which a service accepted it for the first time.
    pub(super) fn first_left(&self) -> Option<Moment> {
        self.accepted.iter().min_by_key(|accepted| arrival(accepted)).map(|(sent, _)| sent.left)
    }
}

fn arrival((sent, place): &(&Sent<'_>, usize)) -> (Moment, usize) {
    (sent.arrived.unwrap_or(sent.left), *place)
}

/// The begin of a text, in quotes.
pub(super) fn short(body: &[u8]) -> String {
    const LETTERS_MAX: usize = 60;
    let text = String::from_utf8_lossy(body);
    let short: String = text.trim_end().chars().take(LETTERS_MAX).collect();
    format!("{short:?}")
}
