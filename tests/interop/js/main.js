// The client as a program: `node main.js '{"name": ..., "bootstrap": [...], "seed": hex, "psk": hex?}'`, then one JSON
// command a line on standard input, one JSON answer a line on standard output.
import { createInterface } from 'node:readline'
import { hex, idFromText, idText, unhex } from './bytes.js'
import { Client } from './client.js'

const options = JSON.parse(process.argv[2])
const client = await Client.join({
  ...options,
  seed: unhex(options.seed),
  psk: options.psk && unhex(options.psk)
})

function kinds () {
  const counts = {}
  for (const { kind } of client.set.records()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

const commands = {
  state: () => ({
    records: client.set.size,
    ids: client.set.records().map(({ id }) => idText(id)).sort(),
    kinds: kinds(),
    pushed: client.pushed,
    rejected: client.set.rejected,
    peers: client.peers().map(String)
  }),
  acquaint: async () => ({ peers: await client.acquaint() }),
  async pull ({ audit = false }) {
    const results = []
    for (const peer of client.peers()) results.push({ peer: String(peer), ...await client.pull(peer, audit) })
    return { pulled: results }
  },
  async note ({ text }) {
    await client.meshed()
    return { id: idText((await client.note(text)).id) }
  },
  // Sign a record without pushing it: sync has to carry it.
  async whisper ({ text }) {
    const publish = client.node.services.pubsub.publish
    client.node.services.pubsub.publish = async () => {}
    try {
      return { id: idText((await client.note(text)).id) }
    } finally {
      client.node.services.pubsub.publish = publish
    }
  },
  async blob ({ id, most }) {
    for (const peer of client.peers()) {
      const data = await client.blob(peer, idFromText(id), most)
      if (data) return { bytes: data.length, end: hex(data.subarray(-8)) }
    }
    return { bytes: null }
  }
}

const say = answer => process.stdout.write(JSON.stringify(answer) + '\n')

say({ peer: client.peerId, author: idText(client.author), swarm: hex(client.swarm) })
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line)
  try {
    say(await commands[command.do](command))
  } catch (error) {
    say({ error: `${error.name}: ${error.message}` })
  }
}
await client.leave()
