/** Numbers of messages (RFC 4253 section 12, RFC 4252 sections 6 and 7, RFC 4254 section 9, RFC 5656 section 7.1). */
export const message = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  kexEcdhInit: 30,
  kexEcdhReply: 31,
  userauthRequest: 50,
  userauthFailure: 51,
  userauthSuccess: 52,
  userauthBanner: 53,
  userauthPublicKeyOk: 60,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
} as const

/** Why a connection is ended (RFC 4253, section 11.1). */
export const disconnect = {
  protocolError: 2,
  byApplication: 11,
  connectionLost: 10,
  tooManyConnections: 12,
  noMoreMethods: 14,
} as const

/** SSH_OPEN_CONNECT_FAILED and SSH_OPEN_UNKNOWN_CHANNEL_TYPE (RFC 4254, section 5.1). */
export const openFailure = { prohibited: 1, connectFailed: 2, unknownType: 3, shortage: 4 } as const

/** SSH_EXTENDED_DATA_STDERR (RFC 4254, section 5.2). */
export const STDERR = 1
