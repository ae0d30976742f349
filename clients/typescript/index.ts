export { controlUrl, type Reply, send, TransportError } from './client.js'
export { type Credentials, type Envelope, isAuthentic, type SignedMessage, signMessage } from './sign.js'
