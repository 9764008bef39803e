//! The roles of turns, and the words that sources have for them.

/// The schema's role for a role as written, and whether the written one is a usual name of it. Some write them with
/// capitals.
pub(crate) fn role_of(written: &str) -> Option<(&'static str, bool)> {
    let lower = written.trim().to_ascii_lowercase();
    let (role, is_usual) = match &*lower {
        "user" | "human" => ("user", true),
        "assistant" | "gpt" => ("assistant", true),
        "system" => ("system", true),
        "tool" => ("tool", true),
        "model" | "bot" | "ai" | "chatgpt" | "function_call" | "tool_call" => ("assistant", false),
        "developer" => ("system", false),
        "observation" | "tool_response" | "function" | "ipython" => ("tool", false),
        _ => return None,
    };
    Some((role, is_usual && lower == written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_however_they_are_written() {
        for (written, role) in [
            ("gpt", ("assistant", true)),
            ("GPT", ("assistant", false)),
            ("Assistant", ("assistant", false)),
            (" Human", ("user", false)),
            ("ChatGPT", ("assistant", false)),
            ("developer", ("system", false)),
            ("observation", ("tool", false)),
        ] {
            assert_eq!(role_of(written), Some(role), "{written}");
        }
        assert_eq!(role_of("narrator"), None);
    }
}
