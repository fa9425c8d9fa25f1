// Judges what stands in hexadecimal digits, one a line. An envelope is `refused`, or has an id and a signature that
// holds or not; a frame, behind a word for what it ought to be, is `refused` or `taken`.
import './polyfill.js'
import { createInterface } from 'node:readline'
import { PeerFault, idText, unhex } from './bytes.js'
import { ASK, BLOB_ANSWERS, BLOB_QUESTIONS, SYNC_ANSWERS, SYNC_QUESTIONS, TELL, readMessage } from './messages.js'
import { openEnvelope, signatureHolds } from './record.js'

const MESSAGES = {
  ask: ASK,
  tell: TELL,
  'sync-question': SYNC_QUESTIONS,
  'sync-answer': SYNC_ANSWERS,
  'blob-question': BLOB_QUESTIONS,
  'blob-answer': BLOB_ANSWERS
}

const swarm = unhex(process.argv[2])
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const [word, frame] = line.split(' ')
    if (frame !== undefined) {
      readMessage(MESSAGES[word], unhex(frame))
      console.log('taken')
    } else {
      const record = openEnvelope(unhex(line), swarm)
      console.log(`${idText(record.id)} ${await signatureHolds(record)}`)
    }
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error
    console.log('refused')
  }
}
