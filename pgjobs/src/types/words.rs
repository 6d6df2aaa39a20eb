//! Enums whose variants are words of SQL.

/// An enum whose variants are words of SQL, of the macro and of the command line.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $option:literal: $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Its word in SQL and in `#[task(…)]`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $(if text == $word {
                    return Ok($name::$variant);
                })+
                let words = [$($word),+].join(", ");
                Err($crate::Error::Option { name: $option, reason: format!("`{}` is none of {words}", text.escape_debug()) })
            }
        }
    };
}
pub(crate) use words;
