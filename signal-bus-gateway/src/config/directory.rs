//! What a configuration says of an LDAP server.

use std::sync::Arc;

use hyper::Uri;

use crate::{
    access::acl::{Rights, segments},
    config::Written,
    problem::Problems,
    yaml::{Value, section::Section},
};

/// An LDAP server that knows users whom the ACL file does not.
#[derive(Debug)]
pub(crate) struct DirectoryConfig {
    pub(crate) uri: Written<String>,
    /// The name of a user, with `%s` in place of what the client says.
    pub(crate) user_dn: String,
    pub(crate) base_scope: String,
    /// Filters, with `%s` in place of the user.
    pub(crate) membership_patterns: Vec<String>,
    /// What the members of a group see.
    pub(crate) groups: Vec<(String, Arc<Rights>)>,
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems) -> Option<DirectoryConfig> {
    section.refuse_unknown(
        &["uri", "user_dn", "base_scope", "membership_patterns", "acl"],
        problems,
    );
    let uri = required(section, "uri", problems);
    let user_dn = required(section, "user_dn", problems);
    let base_scope = required(section, "base_scope", problems);
    let patterns = patterns(section, problems);
    let groups = groups(section, problems);
    let uri = uri.filter(|uri| {
        let is_address = is_address(uri);
        if !is_address {
            let text = format!("expected `ldap://host:port` or `ldaps://host:port`, found `{uri}`");
            problems.refuse(section.line_of("uri"), &section.path("uri"), text);
        }
        is_address
    });
    // Without, everybody would be the same user.
    let user_dn = user_dn.filter(|user_dn| {
        let names_user = user_dn.contains("%s");
        if !names_user {
            let text = format!("expected `%s` in place of the user, found `{user_dn}`");
            let line = section.line_of("user_dn");
            problems.refuse_if_strict(line, &section.path("user_dn"), text);
        }
        names_user
    });
    // Where PyPubSub is followed, a user or filter that is none means that nobody is known by LDAP, as there.
    Some(DirectoryConfig {
        uri: Written {
            value: uri?.to_owned(),
            line: section.line_of("uri"),
        },
        user_dn: user_dn?.to_owned(),
        base_scope: base_scope?.to_owned(),
        membership_patterns: patterns?,
        groups,
    })
}

/// Whether somebody can be asked there: a host, and a port if one is said; or the name of a socket.
fn is_address(uri: &str) -> bool {
    if let Some(socket) = uri.strip_prefix("ldapi://") {
        return !socket.is_empty();
    }
    let Ok(parsed) = uri.parse::<Uri>() else {
        return false;
    };
    let is_known = matches!(parsed.scheme_str(), Some("ldap" | "ldaps"));
    let has_host = parsed.host().is_some_and(|host| !host.is_empty());
    let has_bad_port = parsed.authority().is_some_and(|authority| {
        let (_, port) = authority.as_str().rsplit_once(':').unwrap_or_default();
        !port.is_empty() && !port.contains(']') && authority.port_u16().is_none()
    });
    is_known && has_host && !has_bad_port
}

fn required<'a>(section: &Section<'a>, key: &str, problems: &mut Problems) -> Option<&'a str> {
    if section.field(key).is_none() {
        problems.refuse(
            section.line(),
            &section.path(key),
            "expected a text, found nothing",
        );
        return None;
    }
    section.text(key, problems)
}

/// All of the filters, or none if one of them is none.
fn patterns(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let Some(node) = section.field("membership_patterns") else {
        return Some(Vec::new());
    };
    let path = section.path("membership_patterns");
    let Value::List(items) = &node.value else {
        problems.refuse(
            node.line,
            &path,
            format!("expected a list of filters, found {}", node.found()),
        );
        return None;
    };
    let mut patterns = Vec::new();
    for item in items {
        match (item.as_text(), &item.value) {
            (Some(pattern), _) if is_filter(pattern) => patterns.push(pattern.to_owned()),
            (Some(pattern), _) => {
                let text = format!(
                    "expected a filter with `%s` in place of the user, like `member=uid=%s,ou=people`, found `{pattern}`"
                );
                problems.refuse_if_strict(item.line, &path, text);
            }
            // The sample that PyPubSub ships has this mistake.
            (None, Value::Map(_)) => {
                problems.refuse(item.line, &path, "expected a filter, found a map: remove the `:` at its end, or write it in quotes");
            }
            (None, _) => {
                problems.refuse(
                    item.line,
                    &path,
                    format!(
                        "expected a filter like `member=uid=%s,ou=people`, found {}",
                        item.found()
                    ),
                );
            }
        }
    }
    (patterns.len() == items.len()).then_some(patterns)
}

/// Whether it asks for something about the user: who is not named would have everybody's groups.
fn is_filter(pattern: &str) -> bool {
    let filled = pattern.replace("%s", "x");
    pattern.contains("%s") && ldap3::parse_filter(filled).is_ok()
}

/// Groups with maps of segments; a list is one segment, as it was before PyPubSub 0.4.3.
fn groups(section: &Section<'_>, problems: &mut Problems) -> Vec<(String, Arc<Rights>)> {
    let Some(acl) = section.field("acl") else {
        problems.refuse(
            section.line(),
            &section.path("acl"),
            "expected a map of groups, found nothing",
        );
        return Vec::new();
    };
    let path = section.path("acl");
    let Some(acl) = Section::new(&path, acl, problems) else {
        return Vec::new();
    };
    let mut groups = Vec::new();
    for (name, node) in acl.fields() {
        let Some(group) = name.as_text() else {
            problems.refuse(
                name.line,
                &path,
                format!("expected the name of a group, found {}", name.found()),
            );
            continue;
        };
        let path = format!("{path}.{group}");
        groups.push((
            group.to_owned(),
            Arc::new(Rights::to_see(segments(&path, node, problems))),
        ));
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::{is_address, is_filter};

    #[test]
    fn addresses_and_filters_are_told_from_others() {
        for uri in [
            "ldap://localhost",
            "ldap://10.0.0.1:389/",
            "ldaps://ldap.example.org:636",
            "ldap://[::1]",
            "ldap://[::1]:389",
            "ldapi://%2Frun%2Fldapi",
        ] {
            assert!(is_address(uri), "{uri}");
        }
        for other in [
            "",
            "ldap://",
            "ldap:///",
            "ldap.example.org",
            "http://x",
            "ldap://x:ldap",
            "ldap://x:99999",
            "ldap://a b",
            "ldapi://",
        ] {
            assert!(!is_address(other), "{other}");
        }
        for filter in ["member=uid=%s,ou=people", "(uid=%s)", "(&(uid=%s)(a=b))"] {
            assert!(is_filter(filter), "{filter}");
        }
        for other in [
            "",
            "uid=x",
            "%s",
            "(uid=%s",
            "(&(uid=%s)",
            "uid=%s)",
            "member=cn=%s (x)",
        ] {
            assert!(!is_filter(other), "{other}");
        }
    }
}
