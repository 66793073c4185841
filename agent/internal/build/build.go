// Package build says which agent this is.
package build

// Version is the agent's version for people.
const Version = "0.2.0"

// Revision is the agent's version for programs: it grows with every change a client can see.
const Revision = 10
