// Peer exchange (peers-v1.md): whom does a peer know?
import { frame } from './frames.js'
import { TELL, readMessage } from './messages.js'

const MOST_TOLD = 32
const ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+$/

// This client listens nowhere and knows nobody worth telling of.
export const tellNothing = () => frame(97, [], [])

// Addresses to dial, each with its PeerId at the end.
export async function askForPeers (stream) {
  await stream.send(frame(96, [], BigInt(MOST_TOLD)))
  const answer = await stream.read()
  if (answer === null) throw new Error('the peer closed the stream')
  const [, peers] = readMessage(TELL, answer).fields
  return peers.flatMap(([peer, addresses]) =>
    addresses.filter(address => ADDRESS.test(address)).map(address => `${address}/p2p/${peer}`))
}
