// Who reads files also handles the pictures in them.
@_exported import IRPicture
