package place

// TakesStreams is the revision from which on a daemon takes the streams of a bridge's exec.
const TakesStreams = 9

// Streams is the one byte with which a bridge sends the descriptors of its standard input and output (SCM_RIGHTS of
// unix(7)) before anything else. No version of SSH begins with it (RFC 4253, section 4.2).
const Streams = 0
