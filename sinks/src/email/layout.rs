//! Lays out what a mail says: as text for every reader, and as HTML for those who like it. The HTML
//! refers to nothing outside and carries no script.

use std::fmt::Write as _;

use super::content::Content;

/// As text.
pub(super) fn text(content: &Content) -> String {
    let mut text = format!("{}\n", content.headline);
    for section in &content.sections {
        if !section.title.is_empty() {
            let _ = write!(text, "\n== {} ==\n", section.title);
        }
        text.push('\n');
        for (time, sentence) in &section.events {
            let _ = writeln!(text, "{time}  {sentence}");
        }
        if let Some(reason) = &section.reason {
            let _ = write!(text, "\nWhy the restart failed: {reason}\n");
        }
        if !section.output.is_empty() {
            text.push_str("\nThe last output of the restart command:\n");
            for line in &section.output {
                let _ = writeln!(text, "  | {line}");
            }
        }
        text.push('\n');
        for (label, value) in &section.about {
            let _ = writeln!(text, "{label}: {value}");
        }
    }
    let _ = write!(text, "\n{}\n", content.clock);
    text
}

/// As HTML.
pub(super) fn html(content: &Content) -> String {
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\n<title>{headline}</title></head>\n\
         <body style=\"font-family:sans-serif\">\n<h2 style=\"font-size:1.2em\">{headline}</h2>\n",
        headline = escaped(&content.headline)
    );
    for section in &content.sections {
        if !section.title.is_empty() {
            let _ = writeln!(
                html,
                "<h3 style=\"font-size:1em\">{}</h3>",
                escaped(&section.title)
            );
        }
        html.push_str("<table cellpadding=\"4\">\n");
        for (time, sentence) in &section.events {
            let _ = writeln!(
                html,
                "<tr><td style=\"white-space:nowrap;vertical-align:top;color:#666\">{time}</td>\n<td>{}</td></tr>",
                escaped(sentence)
            );
        }
        html.push_str("</table>\n");
        if let Some(reason) = &section.reason {
            let _ = writeln!(html, "<p>Why the restart failed: {}</p>", escaped(reason));
        }
        if !section.output.is_empty() {
            html.push_str(
                "<p>The last output of the restart command:</p>\n<pre style=\"background:#f4f4f4;padding:8px\">\n",
            );
            for line in &section.output {
                let _ = writeln!(html, "{}", escaped(line));
            }
            html.push_str("</pre>\n");
        }
        html.push_str("<table cellpadding=\"2\" style=\"color:#666;font-size:0.9em\">\n");
        for (label, value) in &section.about {
            let _ = writeln!(
                html,
                "<tr><td>{label}</td>\n<td>{}</td></tr>",
                escaped(value)
            );
        }
        html.push_str("</table>\n");
    }
    let _ = write!(
        html,
        "<p style=\"color:#666;font-size:0.9em\">{}</p>\n</body>\n</html>\n",
        escaped(&content.clock)
    );
    html
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::LocalTime;
    use crate::examples::{event, restart_failed, service_down};

    fn content() -> Content {
        let events = [
            event(1, service_down()),
            event(2, restart_failed("<b>bad</b> \"line\"\nlast & least")),
        ];
        Content::new(&events.iter().collect::<Vec<_>>(), &LocalTime::utc())
    }

    #[test]
    fn the_text_reads_like_a_letter() {
        assert_eq!(
            text(&content()),
            "\
r-42-VM: dnsmasq down, restart failed

2026-11-22 11:47:33  is down: process 812 is gone (ended by SIGKILL); noticed at 11:47:28
2026-11-22 11:47:33  restart failed after 5 attempts (exit 1: \"<b>bad</b> 'line' / last & least\")

Why the restart failed: the command failed (exit 1)

The last output of the restart command:
  | <b>bad</b> \"line\"
  | last & least

Router: r-42-VM
Service: dhcp
Process: dnsmasq
Outage: outage-1
Events: event-1 event-2

Times are the router's, UTC+00:00.
"
        );
    }

    #[test]
    fn the_html_escapes_whatever_comes_from_elsewhere() {
        let html = html(&content());
        assert!(
            html.contains("\n&lt;b&gt;bad&lt;/b&gt; &quot;line&quot;\nlast &amp; least\n</pre>")
        );
        assert!(!html.contains("<b>"));
        assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>\n"));
    }
}
