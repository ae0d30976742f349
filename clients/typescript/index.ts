export { type CallOptions, Client, type ClientOptions, type Reply } from './client.js'
export { codes } from './codes.js'
export * from './commands.js'
export {
  CountersignError,
  ForbiddenError,
  IdempotencyMismatchError,
  InvalidParamsError,
  NotDoneError,
  type ParamFault,
  RefusedError,
  StaleError,
  TransportError,
  UnauthenticatedError,
  UnavailableError,
  UnknownCommandError,
  UnprovenReplyError,
} from './errors.js'
export { type Credentials, type Envelope, isAuthentic, type SignedMessage, signMessage, signText } from './sign.js'
export { type Answer, controlUrl, send, Unanswered } from './transport.js'
