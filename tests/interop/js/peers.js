// Peer exchange (peers-v1.md): whom does a peer know?
import { require } from './bytes.js'
import { frame, parse } from './frames.js'

const ASK = 96
const TELL = 97
const MOST_TOLD = 32
const PEER = /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/
const ADDRESS = /^\/(ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+$/

// This client listens nowhere and knows nobody worth telling of.
export const tellNothing = () => frame(TELL, [], [])

// Addresses to dial, each with its PeerId at the end.
export async function askForPeers (stream) {
  await stream.send(frame(ASK, [], BigInt(MOST_TOLD)))
  const answer = await stream.read()
  if (answer === null) throw new Error('the peer closed the stream')
  const { kind, fields } = parse(answer)
  require(kind === TELL && fields.length === 2, 'peers are told')
  const [listening, peers] = fields
  checkAddresses(listening)
  require(Array.isArray(peers) && peers.length <= MOST_TOLD, 'too many peers')
  return peers.flatMap(entry => {
    require(Array.isArray(entry) && entry.length === 2, 'a peer and its addresses')
    const [peer, addresses] = entry
    require(typeof peer === 'string' && PEER.test(peer), 'not the PeerId of an Ed25519 key')
    checkAddresses(addresses)
    return addresses.filter(address => ADDRESS.test(address)).map(address => `${address}/p2p/${peer}`)
  })
}

function checkAddresses (addresses) {
  require(Array.isArray(addresses) && addresses.length <= 8, 'too many addresses')
  for (const address of addresses) {
    require(typeof address === 'string' && /^\/[!-~]{0,255}$/.test(address), 'not an address')
  }
}
