package dashboards

func processor() Dashboard {
	return Dashboard{
		Name: "processor", Title: "callfold / Processor",
		Description: "Are events folded as they come, and if not, what holds them up?",
		Rows: []Row{
			{"Does it keep up?", behind("processor", "parsing and folding. Good: hundredths of a second. More: the disk, or too little CPU.")},
			{"Does Kafka take its work?", transactions("processor")},
			{"Are its tables there, and is it ready?", tables("processor")},
		},
	}
}
