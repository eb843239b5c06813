"""From a zoom stack to a film: camera, frames, video file, poster and contact sheet."""
