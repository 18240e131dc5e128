/**
 * The entry of signed-in pages: starts each behaviour, which looks for itself whether the page has
 * what it is about. Importing a module does nothing: it looks at the page when it is told to
 * (`find`, `start`).
 */

import * as app from "./app.js";
import * as dom from "./dom.js";
import * as forms from "./forms.js";
import * as status from "./status.js";
import * as tz from "./tz.js";

dom.find();
tz.start();
forms.start();
app.start();
if (document.body.dataset.page === "status") status.start();
