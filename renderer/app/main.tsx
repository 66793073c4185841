import '../ui/tokens.css'
import './static-frame.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { startEngineConnection } from '../lib/engine'
import { giveMemoryBackWhenQuiet } from '../lib/give-back'
import { Frame } from './frame'

// First of all: the engine comes up while the frame is drawn.
startEngineConnection()
giveMemoryBackWhenQuiet()

document.documentElement.dataset.platform = window.berth.platform

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no #root')
createRoot(root).render(
  <StrictMode>
    <Frame />
  </StrictMode>,
)
