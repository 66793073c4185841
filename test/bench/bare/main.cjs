// The least that is an Electron application: one window of Berth's size and safety, and one page.
const { app, BrowserWindow, Menu } = require('electron')

Menu.setApplicationMenu(null)
app.whenReady().then(() => {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    webPreferences: { sandbox: true, contextIsolation: true, nodeIntegration: false },
  })
  window.loadFile('index.html')
})
app.on('window-all-closed', () => app.quit())
