package server;

/** What the server says. */
final class Greeting {
  private Greeting() {}

  /** {@code /Ada} greets Ada, and {@code /} everybody. */
  static String forPath(String path) {
    String name = path.substring(1);
    return "Hello, " + (name.isEmpty() ? "everybody" : name) + "\n";
  }
}
