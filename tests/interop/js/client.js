// A member of a swarm: receives by GossipSub, pulls by sync, checks everything, publishes notes.
import './polyfill.js'
import { gossipsub } from '@libp2p/gossipsub'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { PeerFault, hex, peerIdText, require } from './bytes.js'
import { fetchBlob } from './blobs.js'
import { map } from './codec.js'
import { FrameStream, frame, pack, parse, unpack } from './frames.js'
import { askForPeers, tellNothing } from './peers.js'
import { seal, swarmId } from './record.js'
import { presharedKey } from './salsa.js'
import { RecordSet } from './set.js'
import { BUSY, Busy, SyncSession } from './sync.js'

const BATCH = 64
const MOST_BATCHED = 256
const SESSIONS = 64

export class Client {
  // `name` of the swarm; `seed`: 32 bytes, the key of this client; `psk`: 32 bytes if the swarm is private.
  static async join ({ name, bootstrap, seed, psk }) {
    const client = new Client()
    client.swarm = swarmId(name)
    client.set = new RecordSet(client.swarm)
    client.keys = await generateKeyPairFromSeed('Ed25519', seed)
    client.author = client.keys.publicKey.raw
    client.peerId = peerIdText(client.author)
    client.tip = { chain: crypto.getRandomValues(new Uint8Array(16)), seq: -1n, prev: null }
    client.pushed = 0
    client.node = await createLibp2p({
      privateKey: client.keys,
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      ...(psk ? { connectionProtector: presharedKey(psk) } : {}),
      services: { identify: identify(), ping: ping(), pubsub: gossipsub({ globalSignaturePolicy: 'StrictSign' }) }
    })
    await client.listen()
    for (const address of bootstrap) await client.node.dial(multiaddr(address))
    return client
  }

  protocol (name) {
    return `/consilience/1/${hex(this.swarm)}/${name}`
  }

  async listen () {
    // A client has nothing that nodes need: it refuses politely to be asked, and knows no addresses.
    await this.serve('sync', () => frame(BUSY))
    await this.serve('peers', tellNothing)
    const topic = this.protocol('records')
    const pubsub = this.node.services.pubsub
    pubsub.topicValidators.set(topic, async (peer, message) => {
      try {
        await readBatch(message.data)
        return 'accept'
      } catch (error) {
        if (error instanceof PeerFault) return 'reject'
        throw error
      }
    })
    pubsub.addEventListener('message', async ({ detail }) => {
      if (detail.topic !== topic) return
      const records = await this.set.admit(await readBatch(detail.data), 'push')
      this.pushed += records.filter(record => record.fresh).length
    })
    pubsub.subscribe(topic)
  }

  async serve (name, answer) {
    await this.node.handle(this.protocol(name), async stream => {
      const frames = new FrameStream(stream)
      try {
        while (await frames.read() !== null) await frames.send(answer())
        await stream.close()
      } catch (error) {
        stream.abort(error)
      }
    })
  }

  // What `use` returns, given a stream of ours to a peer.
  async with (peer, name, use) {
    const stream = await this.node.dialProtocol(peer, this.protocol(name))
    try {
      const result = await use(new FrameStream(stream))
      await stream.close()
      return result
    } catch (error) {
      stream.abort(error)
      throw error
    }
  }

  peers () {
    return this.node.getPeers()
  }

  // Ask the peers for others, and connect to those that can be reached; returns how many there are now.
  async acquaint () {
    for (const peer of this.peers()) {
      const known = new Set(this.peers().map(String))
      for (const address of await this.with(peer, 'peers', askForPeers)) {
        if (known.has(address.split('/p2p/')[1])) continue
        await this.node.dial(multiaddr(address), { signal: AbortSignal.timeout(5000) }).catch(() => {})
      }
    }
    return this.peers().length
  }

  // Compare with a peer until both have the same; returns what that took.
  async pull (peer, audit = false) {
    const total = { sessions: 0, received: 0, given: 0 }
    for (; total.sessions < SESSIONS; total.sessions++) {
      const ended = await this.with(peer, 'sync', async stream => {
        const session = new SyncSession(stream, this.set, this.swarm)
        try {
          return await session.run(audit)
        } finally {
          total.received += session.received
          total.given += session.given
        }
      }).catch(error => {
        if (error instanceof Busy) return 'busy'
        throw error
      })
      if (ended === 'equal') return total
      if (ended === 'busy') await new Promise(resolve => setTimeout(resolve, 200))
    }
    throw new Error('the sets do not become equal')
  }

  async blob (peer, id, mostBytes) {
    return await this.with(peer, 'blobs', stream => fetchBlob(stream, id, mostBytes))
  }

  // Sign a note, keep it, push it; returns its record.
  async note (text, about = null) {
    const key = { author: this.author, sign: message => this.keys.sign(message) }
    const record = await seal('note', map({ about, text }), key, this.swarm, this.tip, Date.now())
    this.tip = { chain: this.tip.chain, seq: record.seq, prev: record.id }
    await this.set.admit([record.raw], 'self')
    await this.node.services.pubsub.publish(this.protocol('records'), frame(BATCH, await pack([record.raw])))
    return record
  }

  // Wait until peers of the swarm are subscribed, so that a push reaches somebody.
  async meshed (milliseconds = 15000) {
    const deadline = Date.now() + milliseconds
    while (this.node.services.pubsub.getSubscribers(this.protocol('records')).length === 0) {
      if (Date.now() > deadline) throw new Error('no peer subscribes to the topic')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  async leave () {
    await this.node.stop()
  }
}

async function readBatch (data) {
  const { kind, fields } = parse(data)
  require(kind === BATCH && fields.length === 1 && fields[0] instanceof Uint8Array, 'not a batch')
  const envelopes = await unpack(fields[0])
  require(envelopes.length > 0 && envelopes.length <= MOST_BATCHED, 'a batch has 1 to 256 envelopes')
  return envelopes
}
