/// The answer to a request line such as `GET /hello/Ada HTTP/1.1`: status and body.
pub fn answer(request_line: &str) -> (&'static str, String) {
    let path = request_line.split_whitespace().nth(1).unwrap_or("/");
    match path.strip_prefix("/hello/") {
        Some(name) if !name.is_empty() => ("200 OK", format!("Hello, {name}\n")),
        _ if path == "/" => ("200 OK", "It runs. Try /hello/you\n".to_string()),
        _ => ("404 Not Found", "There is nothing here\n".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn greets_by_name() {
        assert_eq!(answer("GET /hello/Ada HTTP/1.1").1, "Hello, Ada\n");
    }

    #[test]
    fn knows_no_other_paths() {
        assert_eq!(answer("GET /elsewhere HTTP/1.1").0, "404 Not Found");
    }
}
