//! The rules for traffic as text.

use serde_json::Value;

use super::table::{list, word, write_table};

/// The rules with what they have done; one line for each.
pub fn describe_rules(rules: &Value) -> String {
    let rows = list(rules).enumerate().map(|(index, rule)| {
        let count = rule["connections"].as_u64().unwrap_or_default();
        vec![
            format!("rule {}", index + 1),
            word(&rule["action"]).to_owned(),
            what(rule),
            match count {
                1 => "1 connection".to_owned(),
                count => format!("{count} connections"),
            },
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return "there are no rules\n".to_owned();
    }
    let mut out = String::new();
    write_table(rows, &mut out);
    out
}

/// What a rule is for.
fn what(rule: &Value) -> String {
    let protocol = match rule["protocol"].as_str() {
        Some(protocol) => protocol.to_uppercase(),
        None => "everything".to_owned(),
    };
    let items = |key: &str, before: &str| {
        let items: Vec<String> = list(&rule[key]).map(plain).collect();
        match items.is_empty() {
            true => String::new(),
            false => format!("{before}{}", items.join(", ")),
        }
    };
    format!(
        "{protocol}{}{}",
        items("to", " to "),
        items("ports", " at port ")
    )
}

/// Without quotation marks.
fn plain(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_has_a_line() {
        let rules = json!([
            { "to": ["example.com", "203.0.113.0/24"], "ports": [443, "8000-8010"], "protocol": "tcp",
              "action": "uplink wifi", "connections": 1 },
            { "action": "block", "connections": 12 },
        ]);
        assert_eq!(
            describe_rules(&rules),
            "  rule 1  uplink wifi  TCP to example.com, 203.0.113.0/24 at port 443, 8000-8010  1 connection\n  \
               rule 2  block        everything                                                 12 connections\n"
        );
        assert_eq!(describe_rules(&json!([])), "there are no rules\n");
    }
}
