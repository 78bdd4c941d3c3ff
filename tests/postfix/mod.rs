//! On a real Postfix.

mod gate;
