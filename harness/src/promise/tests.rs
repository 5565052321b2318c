//! Promises over histories that are written by hand: what each refuses, and its nearest neighbour that it does not.

mod loss;
mod words;
