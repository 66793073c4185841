package server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class GreetingTest {
  @Test
  void greetsByName() {
    assertEquals("Hello, Ada\n", Greeting.forPath("/Ada"));
  }

  @Test
  void greetsEverybodyWithoutAName() {
    assertEquals("Hello, everybody\n", Greeting.forPath("/"));
  }
}
