import { render } from 'preact';
import { startSession } from './api/browser-session.js';
import { startLiveUpdates } from './api/live-updates.js';
import { startVersion } from './api/master-version.js';
import { DashboardPage } from './pages/dashboard-page.js';
import { startShortcuts } from './parts/keys/shortcuts.js';
import { startTicking } from './parts/text/ticking-now.js';
import { startRouter } from './router/location.js';
import { startTheme } from './style/theme.js';

const root = document.getElementById('page');
if (root !== null) {
  startTheme();
  startRouter();
  startShortcuts();
  startTicking();
  startSession().then(() => {
    startVersion();
    startLiveUpdates();
    render(<DashboardPage />, root);
  });
}
