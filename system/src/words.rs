//! The ground floor: words that many parts share and that name nothing above them. What can be called and what a call gives
//! ([`call`]), how what runs fails ([`failure`]), requests and answers ([`http`]), outside services ([`outside`]), what time it is
//! ([`time`]).

pub mod call;
pub mod failure;
pub mod http;
pub mod outside;
pub mod time;
