// Asks again where the engine cannot read page.js; written so that each can read it.
"use strict";
if (!window.keepFresh) setTimeout(function () { location.reload(); }, 3000);
