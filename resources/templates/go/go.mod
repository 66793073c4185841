module ${templateOption:module}

go 1.24
