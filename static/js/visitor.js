/** The entry of pages for people who are not signed in. */

import * as forms from "./forms.js";
import * as tz from "./tz.js";

tz.start();
forms.start();
