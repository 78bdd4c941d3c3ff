//! Conversion between a record of the API and its counterpart in the domain or the services.

/// Implements `From` for two structs with the same fields. Every field of both has to be named, so that one that is
/// added on either side does not compile until it is added here: `same` moves a field, `into` converts a record,
/// `optional` an `Option` of one, and `each` a `Vec` of them; the API has no field for what is `not_shown`.
macro_rules! convert {
    ($($from:ident)::+ => $($to:ident)::+ {
        same: $($same:ident),*;
        $(into: $($into:ident),+;)?
        $(optional: $($optional:ident),+;)?
        $(each: $($each:ident),+;)?
        $(not_shown: $($not_shown:ident),+;)?
    }) => {
        impl From<$($from)::+> for $($to)::+ {
            fn from(value: $($from)::+) -> Self {
                let $($from)::+ {
                    $($same,)* $($($into,)+)? $($($optional,)+)? $($($each,)+)?
                    $($($not_shown: _,)+)?
                } = value;
                Self {
                    $($same,)*
                    $($($into: $into.into(),)+)?
                    $($($optional: $optional.map(Into::into),)+)?
                    $($($each: $each.into_iter().map(Into::into).collect(),)+)?
                }
            }
        }
    };
}

pub(super) use convert;
