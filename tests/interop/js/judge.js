// Judges envelopes, one in hexadecimal digits a line: `refused`, or the id and whether the signature holds.
import './polyfill.js'
import { createInterface } from 'node:readline'
import { PeerFault, idText, unhex } from './bytes.js'
import { openEnvelope, signatureHolds } from './record.js'

const swarm = unhex(process.argv[2])
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const record = openEnvelope(unhex(line), swarm)
    console.log(`${idText(record.id)} ${await signatureHolds(record)}`)
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error
    console.log('refused')
  }
}
